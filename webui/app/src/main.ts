import { mount } from "svelte";
import App from "./App.svelte";
import { app } from "./lib/app.svelte";
import { router } from "./lib/route.svelte";
import { listOf } from "./lib/url";
import "./app.css";

const target = document.getElementById("app");
if (target) {
  // on its way while the page is made
  void app.wants(listOf(router.now));
  mount(App, { target });
}
