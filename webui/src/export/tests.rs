//! Names of formats; exports of a real store are tested through the API.

use super::*;

#[test]
fn every_format_is_found_by_its_name() {
    for format in Format::ALL {
        assert_eq!(format.name().parse::<Format>(), Ok(format));
        assert_eq!(serde_json::to_value(format).expect("JSON"), format.name());
    }
    let wrong = "zip".parse::<Format>().expect_err("no such format");
    assert!(
        wrong.contains("pcapng, pcap, har, curl, fetch, python, raw, jsonl"),
        "{wrong}"
    );
}
