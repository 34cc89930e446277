//! iPhone and iPad: profile, installation, and the switch that everyone forgets.

use super::{Guide, button, path, server, step, text};
use crate::onboarding::place::Place;

pub(super) fn guide(place: &Place) -> Guide {
    Guide {
        proxy: vec![step(
            "Set it for this Wi-Fi network",
            &[
                text(&format!(
                    "Open {}, touch <b class=\"round\">i</b> beside the network that you are in, then {}.",
                    path(&["Settings", "Wi-Fi"]),
                    path(&["Configure Proxy", "Manual"])
                )),
                server(place),
                text(
                    "Leave <b>Authentication</b> off and touch <b>Save</b>. Then come back to this page.",
                ),
            ],
        )],
        certificate: vec![
            step(
                "Download the profile",
                &[
                    button("/overhear.mobileconfig", "Download the profile"),
                    text(
                        "Safari asks whether it may download a configuration profile: touch <b>Allow</b>. Other browsers cannot install profiles.",
                    ),
                ],
            ),
            step(
                "Install it",
                &[text(&format!(
                    "Open {}. Touch the <b>overhear</b> profile, then <b>Install</b>, and enter your passcode. iOS warns that the certificate is not verified: that is so until the next step.",
                    path(&["Settings", "General", "VPN & Device Management"])
                ))],
            ),
            step(
                "Switch on full trust",
                &[text(&format!(
                    "Open {} and switch on <b>overhear</b> below <i>Enable full trust for root certificates</i>. Without this switch, iOS does not use the certificate for web sites.",
                    path(&["Settings", "General", "About", "Certificate Trust Settings"])
                ))],
            ),
        ],
        notes: vec![(
            "Apps that still fail",
            text(
                "Some apps accept only the certificates that they know (certificate pinning). They cannot be read; overhear shows them as failed TLS handshakes.",
            ),
        )],
        undo: text(&format!(
            "Remove the profile in {}, and set {} to <b>Off</b>.",
            path(&["Settings", "General", "VPN & Device Management"]),
            path(&["Settings", "Wi-Fi", "(i)", "Configure Proxy"])
        )),
    }
}
