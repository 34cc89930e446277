//! The pages as HTML. Whatever is not written here is escaped.

use super::{
    device::Device,
    files::P12_PASSWORD,
    guide::{Guide, Step, guide},
    html::escape,
    place::Place,
};
use crate::api::model::seconds;
use overhear_ca::RootInfo;
use std::fmt::Write as _;

/// What the page is about.
pub(super) struct Page<'a> {
    pub(super) root: &'a RootInfo,
    pub(super) place: &'a Place,
    pub(super) device: Device,
    /// A person chose the device.
    pub(super) picked: bool,
    /// The device uses the proxy already.
    pub(super) proxied: bool,
    /// This very page came over TLS.
    pub(super) secure: bool,
}

impl Page<'_> {
    pub(super) fn render(&self) -> String {
        let steps = guide(self.device, self.place);
        let body = [
            self.check(),
            self.picker(),
            self.steps(&steps),
            self.certificate(),
            notes(&steps),
        ]
        .concat();
        document("Set up this device", &body, self.script())
    }

    /// The answer to the only question that counts. Without a script it is a link.
    fn check(&self) -> String {
        let url = escape(&self.place.check);
        let (state, said, hint) = match self.secure {
            true => (
                "yes",
                "Trusted ✓",
                "This page came over TLS: everything is set up.".to_owned(),
            ),
            false => (
                "unknown",
                "Is the certificate trusted?",
                format!("<a href=\"{url}\">Test it now</a>: a page without a warning means yes."),
            ),
        };
        format!(
            "<section class=\"check\" id=\"check\" data-state=\"{state}\" data-url=\"{url}\">\n\
             <p class=\"said\" id=\"said\" role=\"status\">{said}</p>\n\
             <p class=\"hint\" id=\"hint\">{hint}</p>\n\
             </section>\n"
        )
    }

    fn picker(&self) -> String {
        let mut out = String::from("<nav aria-label=\"Device\">\n<ul class=\"picker\">\n");
        for device in Device::ALL {
            let current = if device == self.device {
                " aria-current=\"true\""
            } else {
                ""
            };
            // writing to a string does not fail
            let _ = writeln!(
                out,
                "<li><a href=\"/?device={}\"{current}>{}</a></li>",
                device.name(),
                device.label()
            );
        }
        out + "</ul>\n</nav>\n"
    }

    fn steps(&self, guide: &Guide) -> String {
        let mut out = String::new();
        let mut number = 1;
        if self.proxied {
            out.push_str("<p class=\"done\">✓ This device uses the proxy.</p>\n");
        } else {
            out.push_str("<h2>Use the proxy</h2>\n");
            out.push_str(&list(&guide.proxy, &mut number));
            out.push_str(
                "<p class=\"aside\">The first time, overhear asks on its computer whether this device may use the proxy: allow it there.</p>\n",
            );
        }
        out.push_str("<h2>Trust the certificate</h2>\n");
        out.push_str(
            "<p>overhear shows what is encrypted by answering with certificates of its own. This device has to trust the one that signs them. Do this only on devices that are yours.</p>\n",
        );
        out + &list(&guide.certificate, &mut number)
    }

    /// What a person compares with the computer's screen.
    fn certificate(&self) -> String {
        let pairs: Vec<_> = self
            .root
            .fingerprint
            .as_bytes()
            .chunks(2)
            .map(|pair| String::from_utf8_lossy(pair).to_uppercase())
            .collect();
        // lines break between groups of eight
        let groups: Vec<_> = pairs.chunks(8).map(|group| group.join("\u{a0}")).collect();
        let groups = groups.join(" ");
        let until = seconds(self.root.not_after);
        let until = until.split('T').next().unwrap_or_default();
        format!(
            "<h2>Is it the right one?</h2>\n\
             <p>Compare with Settings, Certificate, on overhear's own page:</p>\n\
             <dl class=\"root\"><dt>Name</dt><dd>{}</dd>\n\
             <dt>SHA-256 fingerprint</dt><dd><code class=\"fingerprint\">{}</code></dd>\n\
             <dt>Valid until</dt><dd>{}</dd></dl>\n\
             <p>Other forms: <a href=\"/overhear.crt\">DER</a>, <a href=\"/overhear.pem\">PEM</a>, \
             <a href=\"/overhear.p12\">PKCS#12</a> (password <code>{P12_PASSWORD}</code>), \
             <a href=\"/overhear.mobileconfig\">Apple profile</a>.</p>\n",
            escape(&self.root.name),
            escape(&groups),
            escape(until),
        )
    }

    /// An iPad says that it is a Mac, until a person chooses.
    fn script(&self) -> &'static str {
        match (self.device, self.picked) {
            (Device::Macos, false) => "<script src=\"/site.js\" data-maybe-ipad defer></script>\n",
            _ => "<script src=\"/site.js\" defer></script>\n",
        }
    }
}

fn list(steps: &[Step], number: &mut usize) -> String {
    let mut out = format!("<ol class=\"steps\" start=\"{number}\">\n");
    for step in steps {
        let _ = writeln!(
            out,
            "<li value=\"{number}\">\n<h3>{}</h3>\n{}</li>",
            escape(step.title),
            step.body
        );
        *number += 1;
    }
    out + "</ol>\n"
}

fn notes(guide: &Guide) -> String {
    let mut out = String::from("<h2>Good to know</h2>\n");
    let undo = ("Take it all back", guide.undo.clone());
    for (title, body) in guide.notes.iter().chain([&undo]) {
        let _ = writeln!(
            out,
            "<details>\n<summary>{}</summary>\n{body}</details>",
            escape(title)
        );
    }
    out
}

/// What a person sees who followed the link of the check.
pub(super) fn trusted() -> String {
    document(
        "Trusted",
        "<section class=\"check\" data-state=\"yes\">\n<p class=\"said\">Trusted ✓</p>\n\
         <p class=\"hint\">If your browser did not warn you, this device trusts the certificate: everything is set up.</p>\n\
         </section>\n<p><a href=\"/\">Back to the steps</a></p>\n",
        "",
    )
}

pub(super) fn not_found() -> String {
    document(
        "There is nothing here",
        "<h2>There is nothing here</h2>\n<p>This is overhear, a debugging proxy. <a href=\"/\">Set up this device</a>.</p>\n",
        "",
    )
}

pub(super) fn failed() -> String {
    document(
        "That did not work",
        "<h2>That did not work</h2>\n<p>The file could not be made; overhear's log says why. <a href=\"/\">Try another form</a>.</p>\n",
        "",
    )
}

fn document(title: &str, body: &str, script: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1, viewport-fit=cover\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{title} · overhear</title>\n\
         <link rel=\"icon\" href=\"/icon.svg\" type=\"image/svg+xml\">\n\
         <link rel=\"stylesheet\" href=\"/site.css\">\n{script}</head>\n<body>\n\
         <header><h1><img src=\"/icon.svg\" alt=\"\" width=\"32\" height=\"32\">overhear</h1></header>\n\
         <main>\n{body}</main>\n</body>\n</html>\n"
    )
}
