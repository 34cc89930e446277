//! Just enough HTTP/1.1 to see the bytes: heads are kept exactly as they came.

use std::io::{self, Read};

/// A message as it came over the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Start line to empty line.
    pub head: Vec<u8>,
    /// The body, transfer coding removed.
    pub body: Vec<u8>,
    /// Trailer fields, without the empty line.
    pub trailers: Vec<u8>,
}

impl Message {
    /// The head as text.
    pub fn head_text(&self) -> String {
        String::from_utf8_lossy(&self.head).into_owned()
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The start line.
    pub fn start_line(&self) -> String {
        self.head_text()
            .lines()
            .next()
            .unwrap_or_default()
            .to_owned()
    }

    /// The status code, of a response.
    pub fn status(&self) -> u16 {
        let line = self.start_line();
        line.split(' ')
            .nth(1)
            .and_then(|s| s.parse().ok())
            .unwrap_or_else(|| panic!("{line:?}"))
    }

    /// The field lines, in order.
    pub fn fields(&self) -> Vec<(String, String)> {
        fields(&self.head)
    }

    /// The first field of that name, whatever its case.
    pub fn field(&self, name: &str) -> Option<String> {
        let found = self
            .fields()
            .into_iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value)
    }
}

/// The field lines of a head, in order.
pub fn fields(head: &[u8]) -> Vec<(String, String)> {
    let text = String::from_utf8_lossy(head);
    let lines = text
        .split("\r\n")
        .skip(1)
        .filter_map(|line| line.split_once(':'));
    lines
        .map(|(n, v)| (n.to_owned(), v.trim().to_owned()))
        .collect()
}

/// Reads up to and including the empty line; `None` when the other side closed before the first byte.
pub fn read_head(from: &mut (impl Read + ?Sized)) -> io::Result<Option<Vec<u8>>> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if from.read(&mut byte)? == 0 {
            if head.is_empty() {
                return Ok(None);
            }
            let text = String::from_utf8_lossy(&head).into_owned();
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                format!("in the head {text:?}"),
            ));
        }
        head.push(byte[0]);
    }
    Ok(Some(head))
}

/// Reads a request with its body.
pub fn read_request(from: &mut (impl Read + ?Sized)) -> io::Result<Option<Message>> {
    let Some(head) = read_head(from)? else {
        return Ok(None);
    };
    let (body, trailers) = read_body(from, &head)?;
    Ok(Some(Message {
        head,
        body,
        trailers,
    }))
}

/// Reads a final response to a request that was not a HEAD; interim ones are skipped.
pub fn read_response(from: &mut (impl Read + ?Sized)) -> io::Result<Message> {
    let mut message = read_response_head(from)?;
    while (100..200).contains(&message.status()) && message.status() != 101 {
        message = read_response_head(from)?;
    }
    if !matches!(message.status(), 101 | 204 | 304) {
        let length = message.field("content-length").is_some();
        let chunked = message.field("transfer-encoding").is_some();
        if length || chunked {
            (message.body, message.trailers) = read_body(from, &message.head)?;
        } else {
            from.read_to_end(&mut message.body)?;
        }
    }
    Ok(message)
}

/// Reads the head of a response, interim or final, and nothing after it.
pub fn read_response_head(from: &mut (impl Read + ?Sized)) -> io::Result<Message> {
    let head = read_head(from)?.ok_or(io::ErrorKind::UnexpectedEof)?;
    Ok(Message {
        head,
        body: Vec::new(),
        trailers: Vec::new(),
    })
}

fn read_body(from: &mut (impl Read + ?Sized), head: &[u8]) -> io::Result<(Vec<u8>, Vec<u8>)> {
    let mut body = Vec::new();
    let fields = fields(head);
    let value = |name: &str| {
        let found = fields.iter().find(|(n, _)| n.eq_ignore_ascii_case(name));
        found.map(|(_, v)| v.to_ascii_lowercase())
    };
    if value("transfer-encoding").is_some_and(|v| v.contains("chunked")) {
        loop {
            let size = chunk_size(from)?;
            if size == 0 {
                break;
            }
            let start = body.len();
            body.resize(start + size, 0);
            from.read_exact(&mut body[start..])?;
            read_line(from)?;
        }
        let mut trailers = Vec::new();
        loop {
            let line = read_line(from)?;
            if line == b"\r\n" {
                return Ok((body, trailers));
            }
            trailers.extend_from_slice(&line);
        }
    }
    if let Some(length) = value("content-length") {
        body.resize(length.parse().map_err(io::Error::other)?, 0);
        from.read_exact(&mut body)?;
    }
    Ok((body, Vec::new()))
}

fn read_line(from: &mut (impl Read + ?Sized)) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    let mut byte = [0];
    while !line.ends_with(b"\n") {
        from.read_exact(&mut byte)?;
        line.push(byte[0]);
    }
    Ok(line)
}

/// A chunked body as a reader; trailers are read and dropped.
pub struct Chunked<'a, R: ?Sized> {
    from: &'a mut R,
    left: usize,
    done: bool,
}

impl<'a, R: Read + ?Sized> Chunked<'a, R> {
    /// The reader stands at the first chunk size.
    pub fn new(from: &'a mut R) -> Self {
        Self {
            from,
            left: 0,
            done: false,
        }
    }
}

impl<R: Read + ?Sized> Read for Chunked<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 && !self.done {
            self.left = chunk_size(self.from)?;
            if self.left == 0 {
                self.done = true;
                while read_line(self.from)? != b"\r\n" {}
            }
        }
        if self.done {
            return Ok(0);
        }
        let most = buffer.len().min(self.left);
        let n = self.from.read(&mut buffer[..most])?;
        self.left -= n;
        if self.left == 0 && n > 0 {
            read_line(self.from)?;
        }
        Ok(n)
    }
}

fn chunk_size(from: &mut (impl Read + ?Sized)) -> io::Result<usize> {
    let line = read_line(from)?;
    let text = String::from_utf8_lossy(&line);
    let size = text.trim().split(';').next().unwrap_or_default();
    usize::from_str_radix(size, 16)
        .map_err(|_| io::Error::other(format!("{size:?} is no chunk size")))
}
