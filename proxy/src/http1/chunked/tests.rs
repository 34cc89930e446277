use super::*;

/// Takes a body cut at every place and byte by byte: content, trailers, bytes taken and problem must agree.
fn take(bytes: &[u8]) -> (Vec<u8>, Vec<u8>, usize, Option<Problem>) {
    let read = |cuts: &[usize]| {
        let mut chunked = Chunked::default();
        let mut content = Vec::new();
        let mut at = 0;
        for cut in cuts.iter().copied().chain([bytes.len()]) {
            let taken = chunked.take(&bytes[at..cut], |piece| content.extend_from_slice(piece));
            at += taken.wire;
            assert_eq!(taken.done, chunked.is_done());
            if taken.done || taken.problem.is_some() {
                return (content, chunked.trailers().to_vec(), at, taken.problem);
            }
            assert_eq!(at, cut);
        }
        (content, chunked.trailers().to_vec(), at, None)
    };
    let whole = read(&[]);
    for cut in 0..bytes.len() {
        assert_eq!(read(&[cut]), whole, "cut at {cut}");
    }
    assert_eq!(read(&(0..bytes.len()).collect::<Vec<_>>()), whole);
    whole
}

#[test]
fn gives_out_content_and_trailers() {
    let (content, trailers, wire, problem) =
        take(b"5\r\nhello\r\n00B ; a=\"b;c\"\r\n, everybody\r\n0\r\nA: b\r\nC:d\r\n\r\nnext");
    assert_eq!(content, b"hello, everybody");
    assert_eq!(trailers, b"A: b\r\nC:d\r\n\r\n");
    assert_eq!((wire, problem), (54, None));

    let (content, trailers, wire, problem) = take(b"0\r\n\r\nGET");
    assert_eq!(
        (content.len(), trailers.len(), wire, problem),
        (0, 0, 5, None)
    );
}

#[test]
fn refuses_what_is_not_chunks() {
    use Problem as P;
    let cases: [(&[u8], Problem); 19] = [
        (b"\r\n", P::ChunkSize { byte: b'\r' }),
        (b"x\r\n", P::ChunkSize { byte: b'x' }),
        (b"+5\r\n", P::ChunkSize { byte: b'+' }),
        (b"0x5\r\n", P::ChunkSize { byte: b'x' }),
        (b" 5\r\n", P::ChunkSize { byte: b' ' }),
        (b"5 5\r\n", P::ChunkSize { byte: b'5' }),
        (b"5_0\r\n", P::ChunkSize { byte: b'_' }),
        (b"5\nhello\r\n", P::ChunkLine),
        (b"5;a\nhello\r\n", P::ChunkLine),
        (b"5 \nhello\r\n", P::ChunkLine),
        (b"5\rhello\r\n", P::ChunkLine),
        (b"5;a\0\r\n", P::ChunkExtension { byte: 0 }),
        (b"10000000000000000\r\n", P::ChunkOverflow),
        (b"000000000000000000000000000000005\r\n", P::ChunkOverflow),
        (b"5\r\nhelloX\r\n", P::ChunkEnd),
        (b"5\r\nhello\n", P::ChunkEnd),
        (b"5\r\nhello\r\r", P::ChunkEnd),
        (b"0\r\nA: b\n\r\n", P::BareLf { line: 1 }),
        (b"0\r\nA: b\r\nC : d\r\n\r\n", P::SpaceInName { line: 2 }),
    ];
    for (bytes, problem) in cases {
        assert_eq!(
            take(bytes).3,
            Some(problem),
            "{}",
            String::from_utf8_lossy(bytes)
        );
    }
}

#[test]
fn counts_to_the_largest_size_and_no_further() {
    let (content, _, wire, problem) = take(b"ffffffffffffffff\r\nabc");
    assert_eq!((content.as_slice(), wire, problem), (&b"abc"[..], 21, None));
}

#[test]
fn limits_extensions_and_trailers() {
    let mut long = b"1;".to_vec();
    long.resize(2 + MOST_EXTENSIONS, b'x');
    assert_eq!(Chunked::default().take(&long, |_| {}).problem, None);
    long.push(b'x');
    let most = MOST_EXTENSIONS;
    let problem = Chunked::default().take(&long, |_| {}).problem;
    assert_eq!(problem, Some(Problem::ExtensionsTooLong { most }));

    let mut long = b"0\r\nA: ".to_vec();
    long.resize(3 + MOST_TRAILERS, b'x');
    assert_eq!(Chunked::default().take(&long, |_| {}).problem, None);
    long.push(b'x');
    let most = MOST_TRAILERS;
    let problem = Chunked::default().take(&long, |_| {}).problem;
    assert_eq!(problem, Some(Problem::TrailersTooLong { most }));
}
