//! Windows: the store of trusted roots, by the wizard or by command.

use super::{Guide, button, command, own_lists, path, server, step, text};
use crate::onboarding::place::Place;

pub(super) fn guide(place: &Place) -> Guide {
    Guide {
        proxy: vec![step(
            "Enter its address",
            &[
                text(&format!(
                    "Open {}, then <b>Set up</b> beside <b>Use a proxy server</b>. Switch it on, with:",
                    path(&["Settings", "Network & internet", "Proxy"])
                )),
                server(place),
                text("Choose <b>Save</b>. Then come back to this page."),
            ],
        )],
        certificate: vec![
            step(
                "Download the certificate and open it",
                &[
                    button("/overhear.crt", "Download the certificate"),
                    text("Open <code>overhear.crt</code> and choose <b>Install Certificate…</b>."),
                ],
            ),
            step(
                "Put it into the store of trusted roots",
                &[
                    text(&format!(
                        "Choose <b>Current User</b>, then {}. Finish the wizard, and answer the warning with <b>Yes</b>.",
                        path(&[
                            "Place all certificates in the following store",
                            "Browse…",
                            "Trusted Root Certification Authorities"
                        ])
                    )),
                    text("In PowerShell instead of both steps:"),
                    command(&format!(
                        "curl.exe --noproxy \"*\" -o \"$env:TEMP\\overhear.crt\" {}/overhear.crt\ncertutil -user -addstore Root \"$env:TEMP\\overhear.crt\"",
                        place.direct
                    )),
                ],
            ),
        ],
        notes: vec![
            (
                "For all users of this computer",
                text("In a terminal that runs as administrator:")
                    + &command("certutil -addstore -f Root overhear.crt"),
            ),
            own_lists("overhear.pem"),
        ],
        undo: text(
            "Delete the certificate with <code>certmgr.msc</code> below <b>Trusted Root Certification Authorities</b>, and switch the proxy off.",
        ),
    }
}
