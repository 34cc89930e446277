// How programs come here: the lines of the page are copied and run as they stand; a device waits, is refused, and let in.
import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { audit, DESKTOP, PHONE, row, screenshots, steps } from './shared.mjs'

const run = promisify(execFile)

await steps({ lines, waits })

/** What is copied of every kind of client, and what each program says that was started so. */
async function lines(page, { folder, secure, python }) {
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write'])
  await page.getByTestId('empty').waitFor()
  const copied = {}
  for (const topic of ['browser', 'shell', 'node', 'python', 'java', 'docker']) {
    await page.getByTestId(`help-${topic}`).click()
    await page.getByTestId('help-system-linux').click()
    const panel = page.locator(`[role=tabpanel][aria-labelledby=help-${topic}]`)
    await panel.waitFor()
    copied[topic] = []
    for (const button of await panel.getByRole('button', { name: 'Copy', exact: true }).all()) {
      await page.evaluate(() => navigator.clipboard.writeText(''))
      await button.click()
      copied[topic].push(
        await page.evaluate(async () => {
          for (;;) {
            const text = await navigator.clipboard.readText()
            if (text !== '') return text
            await new Promise((drawn) => requestAnimationFrame(drawn))
          }
        }),
      )
    }
  }
  // whatever of proxies and certificates this machine has in its environment is not what is tried
  const { PATH, HOME } = process.env
  const sh = async (text) => {
    const { stdout } = await run('sh', ['-c', text], { cwd: folder, env: { PATH: python ? `${python}:${PATH}` : PATH, HOME }, timeout: 120_000 })
    return stdout
  }
  const said = {}
  said.shell = await sh(`${copied.shell[0]}\ncurl --silent --show-error "${secure}?shell"`)

  // Chrome's own name, for the Chromium of this machine, which has no screen and no other person
  await writeFile(join(folder, 'google-chrome'), `#!/bin/sh\nexec '${process.env.BROWSER}' --headless --no-sandbox --disable-gpu "$@"\n`, { mode: 0o755 })
  const [trust, chrome] = copied.browser
  await sh(trust)
  said.browser = await sh(`PATH="${folder}:$PATH" ${chrome.replace('/tmp/overhear-chrome', join(folder, 'profile'))} --dump-dom '${secure}?browser'`)

  const [major, minor] = process.versions.node.split('.').map(Number)
  const fetches = (mark) => `console.log(await (await fetch(${JSON.stringify(`${secure}?${mark}`)})).text())\n`
  const [environment, inProgram, started] = copied.node
  if (major >= 24 || (major === 22 && minor >= 21)) {
    await writeFile(join(folder, 'app.js'), fetches('node'))
    said.node = await sh(environment)
  }
  await writeFile(join(folder, 'app.js'), `${inProgram}\n${fetches('undici')}`)
  said.undici = await sh(started)

  await writeFile(
    join(folder, 'app.py'),
    `import urllib.request, requests, httpx\nat = ${JSON.stringify(secure)}\n` +
      `print(urllib.request.urlopen(at + "?urllib").read().decode(), requests.get(at + "?requests").text, httpx.get(at + "?httpx").text)\n`,
  )
  said.python = await sh(copied.python[0])

  if (await sh('command -v javac && command -v jar && command -v keytool || true')) {
    await writeFile(
      join(folder, 'App.java'),
      `public class App { public static void main(String[] args) throws Exception {
        System.out.print(new String(new java.net.URL(${JSON.stringify(`${secure}?java`)}).openStream().readAllBytes()));
      } }`,
    )
    await sh('javac -Xlint:none App.java 2>&1 && jar cfe app.jar App App.class')
    said.java = await sh(copied.java.join('\n'))
  }
  // without a daemon: what the container is given, given to a program as it would be found in it
  const docker = copied.docker.at(-1)
  const [, file] = /-v '?([^':]+):\/overhear\.pem:ro'?/.exec(docker)
  const variables = [...docker.matchAll(/-e (\w+=\S+)/g)].map(([, one]) => one.replace('host.docker.internal', '127.0.0.1').replace('/overhear.pem', file))
  const { stdout } = await run('env', ['-i', `PATH=${PATH}`, ...variables, 'curl', '--silent', '--show-error', `${secure}?docker`])
  said.docker = stdout
  return { copied, said, file }
}

/** A device waits for an answer: where that is said, and what comes of either answer. */
async function waits(page, { address, again }) {
  const banner = page.locator(`[data-testid=device-banner][data-address="${address}"]`)
  const ask = () => run(again[0], again.slice(1)).then(({ stdout }) => stdout, (error) => error.stdout)
  const before = await page.title()
  const asked = ask()
  await banner.waitFor()
  const seen = { before, title: await page.title(), status: await page.getByTestId('status-devices').innerText(), empty: await page.locator(`[data-testid=seen-device][data-address="${address}"]`).innerText() }
  await screenshots(page, DESKTOP, 'waits')
  // also where the list is not
  await page.getByTestId('settings-open').click()
  await page.getByTestId('settings').waitFor()
  seen.everywhere = await banner.isVisible()
  seen.broken = { desktop: await audit(page, '[data-testid=device-banner]') }
  await page.setViewportSize(PHONE)
  seen.broken.phone = await audit(page, '[data-testid=device-banner]')
  seen.wide = await page.evaluate(() => document.documentElement.scrollWidth)
  await screenshots(page, PHONE, 'waits')
  await page.setViewportSize(DESKTOP)
  await page.getByTestId('settings-back').click()
  await banner.getByTestId('device-refuse').click()
  await banner.waitFor({ state: 'detached' })
  await asked
  seen.after = { title: await page.title(), status: await page.getByTestId('status-devices').innerText() }
  seen.refused = await ask()
  await page.getByTestId('status-devices').click()
  const device = page.locator(`[data-testid=device][data-address="${address}"]`)
  seen.listed = await device.innerText()
  await device.getByTestId('devices-allow').click()
  await device.getByText('allowed').waitFor()
  await page.keyboard.press('Escape')
  seen.allowed = await ask()
  await row(page, '/hello.txt').last().and(page.locator('[data-state=complete]')).waitFor()
  return seen
}
