//! Mac: the keychain, by hand, by command, or by profile.

use super::{Guide, button, command, own_lists, path, server, step, text};
use crate::onboarding::place::Place;

pub(super) fn guide(place: &Place) -> Guide {
    let (host, port) = (&place.host, place.port);
    let pem = format!(
        "curl --noproxy '*' -o ~/Downloads/overhear.pem {}/overhear.pem",
        place.direct
    );
    Guide {
        proxy: vec![step(
            "Set it for this network",
            &[
                text(&format!(
                    "Open {}, then <b>Details…</b> beside the network that you are in, then <b>Proxies</b>. Switch on <b>Web proxy (HTTP)</b> and <b>Secure web proxy (HTTPS)</b>, both with:",
                    path(&["System Settings", "Network", "Wi-Fi"])
                )),
                server(place),
                text("In the terminal instead:"),
                command(&format!(
                    "networksetup -setwebproxy Wi-Fi {host} {port}\nnetworksetup -setsecurewebproxy Wi-Fi {host} {port}"
                )),
            ],
        )],
        certificate: vec![
            step(
                "Download the certificate and open it",
                &[
                    button("/overhear.crt", "Download the certificate"),
                    text(
                        "Open <code>overhear.crt</code>: Keychain Access puts it into the keychain <b>login</b>.",
                    ),
                ],
            ),
            step(
                "Trust it always",
                &[
                    text(&format!(
                        "In Keychain Access, find <b>overhear</b> below <b>Certificates</b> and open it. Unfold <b>Trust</b> and choose {}. Close the window and enter your password.",
                        path(&["When using this certificate", "Always Trust"])
                    )),
                    text("In the terminal instead of both steps:"),
                    command(&format!(
                        "{pem}\nsecurity add-trusted-cert -r trustRoot -k ~/Library/Keychains/login.keychain-db ~/Downloads/overhear.pem"
                    )),
                ],
            ),
        ],
        notes: vec![
            (
                "As a profile",
                text(&format!(
                    "<a href=\"/overhear.mobileconfig\">The profile</a> for iPhone and iPad works here too: download it, then install it in {} (older systems: {}). If the check still says no, set the trust as above.",
                    path(&["System Settings", "General", "Device Management"]),
                    path(&["Privacy & Security", "Profiles"])
                )),
            ),
            own_lists("~/Downloads/overhear.pem"),
        ],
        undo: text(
            "Delete the certificate in Keychain Access, and switch both proxies off; in the terminal:",
        ) + &command(
            "networksetup -setwebproxystate Wi-Fi off\nnetworksetup -setsecurewebproxystate Wi-Fi off",
        ),
    }
}
