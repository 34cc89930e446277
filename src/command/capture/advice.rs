//! What to do when the system does not let us capture.

#[cfg(not(target_os = "macos"))]
use crate::captures::COPY;
use crate::terminal::tell;
use overhear_capture::{filter::Filter, libpcap::Error};

/// The error, with what to do about it on this system.
pub(crate) fn explain(error: Error) -> anyhow::Error {
    explained(error, permission)
}

/// As [`explain`], for the process that captures beside the proxy: the proxy itself needs no right.
pub(crate) fn explain_beside(error: Error) -> anyhow::Error {
    explained(error, permission_beside)
}

fn explained(error: Error, permission: impl Fn() -> String) -> anyhow::Error {
    let text = match &error {
        Error::Permission { .. } => format!("{error}\n{}", permission()),
        Error::NoSuchInterface { .. } => {
            format!("{error}: `overhear capture -D` lists those there are")
        }
        // exit status 2, as for every other mistake in what was typed
        Error::Expression { .. } => return crate::exit::Usage(error.to_string()).into(),
        _ => return error.into(),
    };
    anyhow::anyhow!(text)
}

/// Tells of which packets an expression could not say anything; a mistake when that is all of them.
pub(crate) fn ended(filter: Filter) -> anyhow::Result<()> {
    for one in filter.end().map_err(explain)? {
        let packets = match one.packets {
            1 => "1 packet".to_owned(),
            count => format!("{count} packets"),
        };
        tell(&format!(
            "overhear: the expression means nothing for link type {}, of which there are {packets}, and none of them \
             matches: {}",
            one.link, one.reason
        ));
    }
    Ok(())
}

#[cfg(target_os = "macos")]
fn permission() -> String {
    "Capturing reads /dev/bpf*, which by default only root may. Either start it with sudo, or give your user the right \
     for good: `brew install --cask wireshark-chmodbpf` (the ChmodBPF that comes with Wireshark), or until the next \
     restart: sudo chown \"$USER\" /dev/bpf*. For `pktap`, which shows several interfaces, macOS wants sudo all \
     the same."
        .to_owned()
}

#[cfg(not(target_os = "macos"))]
fn permission() -> String {
    let program = std::env::current_exe()
        .map_or_else(|_| "overhear".to_owned(), |path| path.display().to_string());
    format!(
        "Either give the program the right, once:\n  sudo setcap cap_net_raw,cap_net_admin+eip {program}\nor start it \
         with sudo. (The right is lost when the program is built or copied anew.)"
    )
}

#[cfg(target_os = "macos")]
fn permission_beside() -> String {
    permission()
}

#[cfg(not(target_os = "macos"))]
fn permission_beside() -> String {
    let program = std::env::current_exe().unwrap_or_else(|_| "overhear".into());
    let copy = program.with_file_name(COPY);
    let make = match program == copy {
        true => String::new(),
        false => format!("\n  cp {} {}", program.display(), copy.display()),
    };
    format!(
        "The proxy itself needs no right. Give it to a copy of the program that only captures, once:{make}\n  sudo \
         setcap cap_net_raw,cap_net_admin+eip {}\n(After a new version: both again.)",
        copy.display()
    )
}

/// What to do when packets were lost: `dropped` says how many, `buffer` how large the buffer was in KiB.
pub(crate) fn lost(dropped: &str, buffer: Option<u64>, writes: bool) -> String {
    let buffer = match buffer {
        Some(kib) => format!("{kib} KiB"),
        None => "2 MiB, unless the system says otherwise".to_owned(),
    };
    let write = match writes {
        // lines are slower than files
        false => " write to a file with -w,",
        true => "",
    };
    format!(
        "overhear: {dropped} came faster than they could be taken and are lost: raise the buffer with -B KIB (it was \
         {buffer}),{write} or take less with an expression"
    )
}

#[cfg(test)]
mod tests {
    use super::lost;

    #[test]
    fn who_writes_a_file_is_not_told_to_write_one() {
        let told = lost("2 packets", Some(512), false);
        assert!(
            told.contains("it was 512 KiB), write to a file with -w, or take less"),
            "{told}"
        );
        let told = lost("2 packets", None, true);
        assert!(told.contains("says otherwise), or take less"), "{told}");
    }
}
