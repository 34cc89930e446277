//! The steps for each kind of device, in order, as HTML.

mod android;
mod firefox;
mod ios;
mod linux;
mod macos;
mod windows;

use super::{device::Device, html::escape, place::Place};

/// What to do on a device.
pub(super) struct Guide {
    /// How to make it use the proxy.
    pub(super) proxy: Vec<Step>,
    /// How to make it trust the certificate.
    pub(super) certificate: Vec<Step>,
    /// What else there is to know; each is a heading with a text.
    pub(super) notes: Vec<(&'static str, String)>,
    /// How to take it all back.
    pub(super) undo: String,
}

/// One step.
pub(super) struct Step {
    pub(super) title: &'static str,
    /// HTML: paragraphs, commands, a button.
    pub(super) body: String,
}

/// The steps for a device.
pub(super) fn guide(device: Device, place: &Place) -> Guide {
    match device {
        Device::Ios => ios::guide(place),
        Device::Android => android::guide(place),
        Device::Macos => macos::guide(place),
        Device::Windows => windows::guide(place),
        Device::Linux => linux::guide(place),
        Device::Firefox => firefox::guide(place),
    }
}

fn step(title: &'static str, parts: &[String]) -> Step {
    Step {
        title,
        body: parts.concat(),
    }
}

/// A paragraph; the text is HTML.
fn text(html: &str) -> String {
    format!("<p>{html}</p>\n")
}

/// A large link to a file.
fn button(href: &str, label: &str) -> String {
    format!(
        "<p><a class=\"button\" href=\"{}\">{}</a></p>\n",
        escape(href),
        escape(label)
    )
}

/// What to type, as it is.
fn command(line: &str) -> String {
    format!(
        "<pre class=\"command\" tabindex=\"0\"><code>{}</code></pre>\n",
        escape(line)
    )
}

/// A way through menus.
fn path(parts: &[&str]) -> String {
    let parts: Vec<_> = parts
        .iter()
        .map(|part| format!("<b>{}</b>", escape(part)))
        .collect();
    format!("<span class=\"path\">{}</span>", parts.join(" › "))
}

/// The proxy's host and port, to copy into two fields.
fn server(place: &Place) -> String {
    format!(
        "<dl class=\"fields\"><div><dt>Server</dt><dd><code>{}</code></dd></div>\
         <div><dt>Port</dt><dd><code>{}</code></dd></div></dl>\n",
        escape(&place.host),
        place.port
    )
}

/// Programs that bring a list of certificates of their own.
fn own_lists(pem: &str) -> (&'static str, String) {
    let lines = format!(
        "export SSL_CERT_FILE={pem}          # OpenSSL, Go, Ruby\n\
         export REQUESTS_CA_BUNDLE={pem}     # Python requests\n\
         export NODE_EXTRA_CA_CERTS={pem}    # Node.js\n\
         export CURL_CA_BUNDLE={pem}         # curl"
    );
    (
        "Programs with their own list of certificates",
        text(
            "Python, Node.js and others do not ask the system. Tell them where the certificate is:",
        ) + &command(&lines),
    )
}
