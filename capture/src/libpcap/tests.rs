use super::{library::load, *};
use std::time::Duration;

/// `DLT_EN10MB`
const ETHERNET: i32 = 1;

#[test]
fn a_missing_library_is_told_with_the_package() {
    let error = load(Some("/nowhere/libpcap.so".into())).err().unwrap();
    let text = error.to_string();
    assert!(text.contains("libpcap is not installed"), "{text}");
    assert!(text.contains("/nowhere/libpcap.so"), "{text}");
    assert!(text.contains("install"), "{text}");
}

#[test]
fn expressions_are_compiled_and_matched() {
    let mut handle = Handle::dead(ETHERNET, 65_535).unwrap();
    let program = handle.compile("udp port 53", true).unwrap();
    let mut packet = vec![0; 12];
    packet.extend([0x08, 0x00, 0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0]);
    packet.extend([10, 0, 0, 1, 10, 0, 0, 2, 0x30, 0x39, 0, 53, 0, 8, 0, 0]);
    assert!(program.matches(&packet, 42));
    packet[23] = 6;
    assert!(!program.matches(&packet, 42));
    assert!(!program.matches(&[], 42));
    let all = handle.compile("", true).unwrap();
    assert!(all.matches(&packet, 42));
}

#[test]
fn a_wrong_expression_is_told_in_the_words_of_libpcap() {
    let mut handle = Handle::dead(ETHERNET, 65_535).unwrap();
    let text = handle.compile("port port", true).err().unwrap().to_string();
    assert!(
        text.contains("cannot be read") && text.contains("port port"),
        "{text}"
    );
    let text = handle.compile("a\0b", true).err().unwrap().to_string();
    assert!(text.contains("zero byte"), "{text}");
}

#[test]
fn kinds_of_packets_have_names() {
    let library = library().unwrap();
    assert_eq!(library.datalink("EN10MB"), Some(ETHERNET));
    assert_eq!(library.datalink("NONSENSE"), None);
    assert_eq!(library.describe(ETHERNET).name.as_deref(), Some("EN10MB"));
    assert_eq!(library.describe(-77).name, None);
    assert!(library.version().contains("libpcap"));
}

#[test]
fn an_interface_that_is_not_there_is_told() {
    let settings = Settings {
        snaplen: 65_535,
        promiscuous: false,
        monitor: false,
        timeout: Duration::from_millis(100),
        buffer: None,
        immediate: false,
        times: Times::Finest,
    };
    let error = Handle::open("nowhere0", &settings).err().unwrap();
    assert!(
        matches!(
            error,
            Error::NoSuchInterface { .. } | Error::Permission { .. }
        ),
        "{error}"
    );
    assert!(Handle::open("a\0b", &settings).is_err());
}
