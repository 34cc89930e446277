//! Schemas of Protocol Buffers that a person gave: files of `protoc --descriptor_set_out`, which the page reads messages with.
//!
//! Here is only told whether a file is one; what it says is read by who shows messages.

use std::path::Path;

/// All files together are at most so large: bytes.
const LARGEST: u64 = 32 << 20;

/// Reads files into one `FileDescriptorSet`, in their order: sets put after each other are a set.
///
/// # Errors
/// A file cannot be read, or is none: in words that name it and say what to do.
pub fn read(files: &[impl AsRef<Path>]) -> Result<Vec<u8>, String> {
    let mut all = Vec::new();
    let mut left = LARGEST;
    for file in files {
        let file = file.as_ref();
        let shown = file.display();
        let told =
            |error: std::io::Error| format!("the descriptors {shown} cannot be read: {error}");
        let size = std::fs::metadata(file).map_err(told)?.len();
        left = left.checked_sub(size).ok_or_else(|| {
            format!(
                "the descriptors {shown} are too large: all of them together may have {} MiB",
                LARGEST >> 20
            )
        })?;
        let bytes = std::fs::read(file).map_err(told)?;
        check(&bytes).map_err(|why| {
            format!(
                "{shown} is no set of descriptors: {why}. Make one with protoc --include_imports \
                 --descriptor_set_out=FILE and the .proto files"
            )
        })?;
        all.extend_from_slice(&bytes);
    }
    Ok(all)
}

/// Whether bytes are a `FileDescriptorSet`: nothing but its field 1, files that each have a name in their field 1.
pub(crate) fn check(bytes: &[u8]) -> Result<(), String> {
    if bytes.is_empty() {
        return Err("it is empty".to_owned());
    }
    let mut at = 0;
    while at < bytes.len() {
        let begin = at;
        let file = field(bytes, &mut at).filter(|(number, _)| *number == 1);
        let (_, file) = file.ok_or_else(|| format!("at byte {begin} is no file descriptor"))?;
        let mut inside = 0;
        let mut named = false;
        while inside < file.len() {
            match field(file, &mut inside) {
                Some((1, name)) => named = std::str::from_utf8(name).is_ok_and(|n| !n.is_empty()),
                Some(_) => {}
                None => {
                    return Err(format!("the file descriptor at byte {begin} is damaged"));
                }
            }
        }
        if !named {
            return Err(format!("the file descriptor at byte {begin} has no name"));
        }
    }
    Ok(())
}

/// The length-delimited field that begins at a place: its number and its bytes. None where another thing is: a
/// `FileDescriptorProto` has no other fields but repeated numbers (10, 11, 14), which are passed over with no bytes.
fn field<'b>(bytes: &'b [u8], at: &mut usize) -> Option<(u64, &'b [u8])> {
    let tag = varint(bytes, at)?;
    match (tag >> 3, tag & 7) {
        (0, _) => None,
        (number, 0) => {
            varint(bytes, at)?;
            Some((number, Default::default())).filter(|_| number != 1)
        }
        (number, 2) => {
            let length = usize::try_from(varint(bytes, at)?).ok()?;
            let value = bytes.get(*at..at.checked_add(length)?)?;
            *at += length;
            Some((number, value))
        }
        _ => None,
    }
}

fn varint(bytes: &[u8], at: &mut usize) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = *bytes.get(*at)?;
        *at += 1;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `a.proto` with a dependency, a message `M`, a public dependency and `syntax = "proto3"`.
    const SET: &[u8] =
        b"\x0a\x21\x0a\x07a.proto\x1a\x07b.proto\x22\x03\x0a\x01M\x50\x00\x62\x06proto3";

    #[test]
    fn a_set_is_told_from_other_files() {
        assert_eq!(check(SET), Ok(()));
        assert_eq!(check(&[SET, SET].concat()), Ok(()));
        for (bytes, why) in [
            (&b""[..], "empty"),
            (b"syntax = \"proto3\";\n", "at byte 0 is no file"),
            (&SET[..20], "at byte 0 is no file"),
            (b"\x0a\x02\x12\x00", "has no name"),
            (b"\x0a\x03\x0a\x07a", "damaged"),
            (b"\x0a\x00", "has no name"),
            (b"{\"a\": 1}", "at byte 0"),
            (b"\x89PNG\r\n\x1a\n", "at byte 0"),
        ] {
            let said = check(bytes).unwrap_err();
            assert!(said.contains(why), "{said}");
        }
        for n in 1..SET.len() {
            assert!(check(&SET[..n]).is_err(), "{n}");
        }
    }

    #[test]
    fn files_are_one_after_the_other_and_errors_name_them() {
        let folder = tempfile::tempdir().unwrap();
        let (good, bad) = (folder.path().join("good.pb"), folder.path().join("bad.pb"));
        std::fs::write(&good, SET).unwrap();
        std::fs::write(&bad, "syntax = \"proto3\";").unwrap();
        assert_eq!(read(&[&good, &good]).unwrap(), [SET, SET].concat());
        assert_eq!(read(&[] as &[&Path]).unwrap(), b"");
        let said = read(&[&good, &bad]).unwrap_err();
        assert!(
            said.contains("bad.pb") && said.contains("--include_imports"),
            "{said}"
        );
        let said = read(&[folder.path().join("none.pb")]).unwrap_err();
        assert!(said.contains("none.pb cannot be read"), "{said}");
    }
}
