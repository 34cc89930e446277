//! What is printed at the start: where everything is, and a QR code for a phone.
//!
//! The first lines are for programs, too: a word, blanks, a URL.

use super::leading;
use crate::terminal::Style;
use overhear_ca::RootInfo;
use overhear_proxy::{Listen, Mode};
use qrcode::{EcLevel, QrCode, render::unicode::Dense1x2};
use std::{
    io::{self, IsTerminal, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::Path,
};

/// Where everything listens.
pub(super) struct Places {
    pub(super) proxy: Vec<SocketAddr>,
    /// Every port of the proxy, and what it is for.
    pub(super) listeners: Vec<Listen>,
    pub(super) web: SocketAddr,
    pub(super) token: String,
    /// Where devices in the network reach the proxy, the likeliest first.
    pub(super) lan: Vec<SocketAddr>,
}

impl Places {
    /// The page's link, which opens it.
    pub(super) fn page(&self) -> String {
        format!("http://{}/?token={}", reachable(self.web), self.token)
    }
}

/// Prints it all to standard output.
pub(super) fn print(
    places: &Places,
    data: &Path,
    root: &RootInfo,
    qr_asked: bool,
) -> io::Result<()> {
    let style = Style::of_stdout();
    let mut out = io::stdout().lock();
    out.write_all(text(places, data, root, style).as_bytes())?;
    if let (true, Some(address)) = (style.terminal || qr_asked, places.lan.first()) {
        out.write_all(invitation(*address, style).as_bytes())?;
    }
    if let Some(advice) = leading::advice(&places.listeners) {
        out.write_all(advice.as_bytes())?;
    }
    out.flush()
}

fn text(places: &Places, data: &Path, root: &RootInfo, style: Style) -> String {
    let mut lines = Vec::new();
    let mut line = |name: &str, value: &str| {
        lines.push(format!(
            "{} {value}\n",
            style.paint("2", &format!("{name:<7}"))
        ));
    };
    for address in &places.proxy {
        line("proxy", &format!("http://{}", reachable(*address)));
    }
    line("page", &style.paint("1", &places.page()));
    for place in &places.listeners {
        if place.mode != Mode::Mixed {
            line("mode", &format!("{}@{}", place.mode, place.address));
        }
    }
    for address in &places.lan {
        line("lan", &format!("http://{address}"));
    }
    line("data", &data.display().to_string());
    line("root", &root.name);
    lines.concat()
}

/// The QR code that leads a phone to the onboarding site, and what to do with it.
fn invitation(address: SocketAddr, style: Style) -> String {
    let link = format!("http://{address}/");
    let Some(code) = qr(&link, style) else {
        return String::new();
    };
    format!(
        "\n{code}\nA phone in the same network: scan this, or open {link}\nIt says how to set the proxy ({}, port {}) \
         and install the certificate. Ctrl-C ends.\n",
        address.ip(),
        address.port()
    )
}

/// Two modules a character. With colours black on white as it is printed everywhere; without them the light
/// modules are drawn, for a terminal that is dark.
fn qr(text: &str, style: Style) -> Option<String> {
    let code = QrCode::with_error_correction_level(text, EcLevel::L).ok()?;
    let (dark, light) = if style.colours {
        (Dense1x2::Dark, Dense1x2::Light)
    } else {
        (Dense1x2::Light, Dense1x2::Dark)
    };
    let image = code
        .render::<Dense1x2>()
        .dark_color(dark)
        .light_color(light)
        .build();
    let line = |line: &str| format!("{}\n", style.paint("30;107", line));
    Some(image.lines().map(line).collect())
}

/// An address that a client on this machine can use.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

/// Whether there is a person with a browser: a terminal, and a display on this machine.
pub(super) fn can_open() -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let display = if cfg!(any(target_os = "macos", windows)) {
        !set("SSH_CONNECTION")
    } else {
        set("DISPLAY") || set("WAYLAND_DISPLAY")
    };
    io::stdout().is_terminal() && display
}

/// Opens the page. That no browser is there is no reason to end: the link is printed.
pub(super) fn open(places: &Places) {
    if let Err(error) = open::that_detached(places.page()) {
        tracing::warn!(%error, "no browser could be opened");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Style = Style {
        terminal: false,
        colours: false,
        width: None,
    };

    fn places(proxy: &[&str], lan: &[&str]) -> Places {
        Places {
            proxy: proxy.iter().map(|a| a.parse().unwrap()).collect(),
            listeners: vec![Listen {
                address: "127.0.0.1:9000".parse().unwrap(),
                mode: Mode::Reverse("https://dev.local".parse().unwrap()),
            }],
            web: "127.0.0.1:8081".parse().unwrap(),
            token: "s3cret".to_owned(),
            lan: lan.iter().map(|a| a.parse().unwrap()).collect(),
        }
    }

    fn root() -> RootInfo {
        RootInfo {
            name: "overhear CA (janes-macbook, 2026-11-21 3f2a)".to_owned(),
            fingerprint: String::new(),
            not_before: 0,
            not_after: 0,
        }
    }

    #[test]
    fn the_first_lines_say_where_everything_is() {
        let places = places(
            &["0.0.0.0:8080", "[::]:8080"],
            &["192.168.1.5:8080", "10.0.0.2:8080"],
        );
        insta::assert_snapshot!(text(&places, Path::new("/home/jane/data"), &root(), PLAIN), @"
        proxy   http://127.0.0.1:8080
        proxy   http://[::1]:8080
        page    http://127.0.0.1:8081/?token=s3cret
        mode    reverse:https://dev.local:443@127.0.0.1:9000
        lan     http://192.168.1.5:8080
        lan     http://10.0.0.2:8080
        data    /home/jane/data
        root    overhear CA (janes-macbook, 2026-11-21 3f2a)
        ");
    }

    #[test]
    fn the_qr_code_is_square_and_quiet_at_its_edge() {
        let coloured = Style {
            terminal: true,
            colours: true,
            width: Some(80),
        };
        for style in [PLAIN, coloured] {
            let code = qr("http://192.168.1.5:8080/", style).unwrap();
            let plain = code.replace("\x1b[30;107m", "").replace("\x1b[0m", "");
            let lines: Vec<_> = plain.lines().collect();
            let width = lines[0].chars().count();
            assert!(lines.iter().all(|line| line.chars().count() == width));
            assert!(lines.len() * 2 >= width && lines.len() * 2 <= width + 1);
            let quiet = if style.colours { ' ' } else { '█' };
            assert!(lines[0].chars().all(|c| c == quiet), "{plain}");
            let edge = |line: &&str| line.starts_with(quiet) || line.starts_with('▀');
            assert!(lines.iter().all(edge), "{plain}");
        }
    }
}
