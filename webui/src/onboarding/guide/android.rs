//! Android: the user's certificates, and why many apps do not look at them.

use super::{Guide, button, command, path, server, step, text};
use crate::onboarding::place::Place;

pub(super) fn guide(place: &Place) -> Guide {
    Guide {
        proxy: vec![step(
            "Set it for this Wi-Fi network",
            &[
                text(&format!(
                    "Open {}, touch the gear beside the network that you are in, then the pencil (on some devices <b>Modify</b>), then {}.",
                    path(&["Settings", "Network & internet", "Internet"]),
                    path(&["Advanced options", "Proxy", "Manual"])
                )),
                server(place),
                text("Touch <b>Save</b>. Then come back to this page."),
            ],
        )],
        certificate: vec![
            step(
                "Download the certificate",
                &[
                    button("/overhear.crt", "Download the certificate"),
                    text(
                        "Android says that it must be installed in Settings: that is the next step.",
                    ),
                ],
            ),
            step(
                "Install it as a CA certificate",
                &[text(&format!(
                    "Open {} (on some devices below {}), touch <b>Install anyway</b>, and choose <code>overhear.crt</code>. Searching Settings for <i>CA certificate</i> leads there on every device.",
                    path(&[
                        "Settings",
                        "Security",
                        "Encryption & credentials",
                        "Install a certificate",
                        "CA certificate"
                    ]),
                    path(&["Security & privacy", "More security & privacy"])
                ))],
            ),
        ],
        notes: vec![
            (
                "Most apps ignore it, browsers do not",
                text(
                    "Since Android 7, apps that target API level 24 or higher do not trust certificates that a person installed. Chrome does, and so does an app of your own whose debug build says so in <code>res/xml/network_security_config.xml</code>:",
                ) + &command(
                    "<network-security-config>\n  <debug-overrides>\n    <trust-anchors>\n      <certificates src=\"user\" />\n    </trust-anchors>\n  </debug-overrides>\n</network-security-config>",
                ) + &text("and in the manifest:")
                    + &command(
                        "<application android:networkSecurityConfig=\"@xml/network_security_config\" … >",
                    ),
            ),
            (
                "Firefox for Android",
                text(&format!(
                    "Open {}, touch the logo five times, then {} and switch on <b>Use third party CA certificates</b>.",
                    path(&["Settings", "About Firefox"]),
                    path(&["Settings", "Secret Settings"])
                )),
            ),
        ],
        undo: text(&format!(
            "Remove the certificate in {}, and set the network's proxy to <b>None</b>.",
            path(&[
                "Settings",
                "Security",
                "Encryption & credentials",
                "User credentials"
            ])
        )),
    }
}
