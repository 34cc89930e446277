//! Linux: the system's list, Chromium's list, and programs with their own.

use super::{Guide, button, command, own_lists, path, server, step, text};
use crate::onboarding::place::Place;

pub(super) fn guide(place: &Place) -> Guide {
    let direct = &place.direct;
    Guide {
        proxy: vec![step(
            "Enter its address",
            &[
                text(&format!(
                    "On a desktop: {}, for both HTTP and HTTPS:",
                    path(&["Settings", "Network", "Proxy", "Manual"])
                )),
                server(place),
                text("In a terminal:"),
                command(&format!("export http_proxy={direct} https_proxy={direct}")),
            ],
        )],
        certificate: vec![
            step(
                "Download the certificate",
                &[
                    button("/overhear.pem", "Download the certificate"),
                    text("In a terminal:"),
                    command(&format!(
                        "curl --noproxy '*' -o overhear.pem {direct}/overhear.pem"
                    )),
                ],
            ),
            step(
                "Add it to the system's list",
                &[
                    text("Debian and Ubuntu:"),
                    command(
                        "sudo cp overhear.pem /usr/local/share/ca-certificates/overhear.crt\nsudo update-ca-certificates",
                    ),
                    text("Fedora, Arch and openSUSE:"),
                    command("sudo trust anchor overhear.pem"),
                ],
            ),
            step(
                "Add it to the list of Chromium and Chrome",
                &[
                    text(
                        "They have a list of their own. <code>certutil</code> is in the package <code>libnss3-tools</code> (Debian, Ubuntu) or <code>nss-tools</code> (Fedora).",
                    ),
                    command(
                        "mkdir -p ~/.pki/nssdb\ncertutil -d sql:$HOME/.pki/nssdb -A -t C,, -n overhear -i overhear.pem",
                    ),
                ],
            ),
        ],
        notes: vec![own_lists("$PWD/overhear.pem")],
        undo: command(
            "sudo rm /usr/local/share/ca-certificates/overhear.crt && sudo update-ca-certificates --fresh\nsudo trust anchor --remove overhear.pem\ncertutil -d sql:$HOME/.pki/nssdb -D -n overhear",
        ),
    }
}
