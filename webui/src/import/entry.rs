//! One entry of a HAR file, read member by member in whatever order they come.
//!
//! Members that are missing, or are of another sort than the format says, are as if they were not there:
//! every program writes its own HAR. Bodies are put aside in files once they are large.

use super::json::{Error, Kind, Reader};
use std::io::{Read, Seek as _, Write as _};
use tempfile::SpooledTempFile;

/// Texts other than bodies.
const MOST_TEXT: usize = 4 << 20;
/// All texts of an entry other than bodies.
const MOST_TEXTS: usize = 32 << 20;
/// A body of this many bytes goes into a file.
const IN_MEMORY: usize = 1 << 20;

/// What an entry says.
#[derive(Default)]
pub(super) struct Entry {
    pub(super) started: String,
    pub(super) total: Option<f64>,
    pub(super) request: Option<Message>,
    pub(super) response: Option<Message>,
    pub(super) timings: Timings,
    pub(super) server: String,
    pub(super) port: String,
    pub(super) comment: String,
    pub(super) resource_type: String,
    // ours
    pub(super) tags: String,
    pub(super) state: String,
    pub(super) error: String,
    pub(super) client: String,
    pub(super) messages: Vec<Frame>,
    /// The bytes of the messages, one after the other.
    pub(super) frames: Option<SpooledTempFile>,
}

/// A request or a response.
#[derive(Default)]
pub(super) struct Message {
    pub(super) method: String,
    pub(super) url: String,
    pub(super) version: String,
    pub(super) status: f64,
    pub(super) reason: String,
    pub(super) error: String,
    pub(super) fields: Vec<(String, String)>,
    pub(super) mime: String,
    pub(super) body: Option<Body>,
    /// Fields of a form, for a request that has no text.
    pub(super) form: Vec<(String, String)>,
    /// Some of the form's fields are files.
    pub(super) files: bool,
    /// The body's size as the file says it.
    pub(super) said: f64,
}

/// A body's text.
pub(super) struct Body {
    pub(super) text: SpooledTempFile,
    pub(super) base64: bool,
}

/// Milliseconds; what does not apply is none.
#[derive(Default)]
pub(super) struct Timings {
    pub(super) blocked: Option<f64>,
    pub(super) dns: Option<f64>,
    pub(super) connect: Option<f64>,
    pub(super) ssl: Option<f64>,
    pub(super) send: Option<f64>,
    pub(super) wait: Option<f64>,
    pub(super) receive: Option<f64>,
}

/// A message of a WebSocket.
pub(super) struct Frame {
    pub(super) sent: bool,
    /// Seconds since the Unix epoch.
    pub(super) time: f64,
    pub(super) opcode: u8,
    /// Bytes of its text in [`Entry::frames`].
    pub(super) length: u64,
    /// A person sent it into the WebSocket.
    pub(super) by_hand: bool,
}

/// Reads the entry that comes next; none when it is no object.
pub(super) fn read<R: Read>(reader: &mut Reader<R>) -> Result<Option<Entry>, Error> {
    if reader.kind()? != Kind::Object {
        reader.skip()?;
        return Ok(None);
    }
    let mut entry = Entry::default();
    let mut texts = Texts(MOST_TEXTS);
    reader.object(|reader, name| {
        match name {
            "startedDateTime" => entry.started = texts.text(reader)?,
            "time" => entry.total = number(reader)?,
            "request" => entry.request = message(reader, &mut texts)?,
            "response" => entry.response = message(reader, &mut texts)?,
            "timings" => entry.timings = timings(reader)?,
            "serverIPAddress" => entry.server = texts.text(reader)?,
            "_serverPort" => entry.port = texts.text(reader)?,
            "comment" => entry.comment = texts.text(reader)?,
            "_resourceType" => entry.resource_type = texts.text(reader)?,
            "_tags" => entry.tags = texts.text(reader)?,
            "_state" => entry.state = texts.text(reader)?,
            "_error" => entry.error = texts.text(reader)?,
            "_client" => entry.client = texts.text(reader)?,
            "_webSocketMessages" => messages(reader, &mut texts, &mut entry)?,
            _ => reader.skip()?,
        }
        Ok(())
    })?;
    Ok(Some(entry))
}

fn message<R: Read>(reader: &mut Reader<R>, texts: &mut Texts) -> Result<Option<Message>, Error> {
    if reader.kind()? != Kind::Object {
        reader.skip()?;
        return Ok(None);
    }
    let mut message = Message::default();
    reader.object(|reader, name| {
        match name {
            "method" => message.method = texts.text(reader)?,
            "url" => message.url = texts.text(reader)?,
            "httpVersion" => message.version = texts.text(reader)?,
            "status" => message.status = number(reader)?.unwrap_or(0.0),
            "statusText" => message.reason = texts.text(reader)?,
            "_error" => message.error = texts.text(reader)?,
            "headers" => message.fields = fields(reader, texts)?.0,
            "bodySize" => {
                let said = number(reader)?.unwrap_or(0.0);
                message.said = message.said.max(said);
            }
            "postData" | "content" => content(reader, texts, &mut message)?,
            _ => reader.skip()?,
        }
        Ok(())
    })?;
    Ok(Some(message))
}

/// `postData` of a request, `content` of a response.
fn content<R: Read>(
    reader: &mut Reader<R>,
    texts: &mut Texts,
    message: &mut Message,
) -> Result<(), Error> {
    if reader.kind()? != Kind::Object {
        return reader.skip();
    }
    let mut base64 = false;
    let mut text = None;
    reader.object(|reader, name| {
        match name {
            "mimeType" => message.mime = texts.text(reader)?,
            "size" => {
                let said = number(reader)?.unwrap_or(0.0);
                message.said = message.said.max(said);
            }
            "encoding" | "_encoding" => {
                base64 |= texts.text(reader)?.eq_ignore_ascii_case("base64");
            }
            "params" => (message.form, message.files) = fields(reader, texts)?,
            "text" if reader.kind()? == Kind::Text => {
                let mut file = SpooledTempFile::new(IN_MEMORY);
                reader.text_into(&mut file, u64::MAX)?;
                file.rewind().map_err(Error::Write)?;
                text = Some(file);
            }
            _ => reader.skip()?,
        }
        Ok(())
    })?;
    message.body = text.map(|text| Body { text, base64 });
    Ok(())
}

/// Pairs of name and value, and whether there are files among them.
fn fields<R: Read>(
    reader: &mut Reader<R>,
    texts: &mut Texts,
) -> Result<(Vec<(String, String)>, bool), Error> {
    let (mut fields, mut files) = (Vec::new(), false);
    if reader.kind()? != Kind::Array {
        reader.skip()?;
        return Ok((fields, files));
    }
    reader.array(|reader| {
        if reader.kind()? != Kind::Object {
            return reader.skip();
        }
        let (mut name, mut value) = (String::new(), String::new());
        reader.object(|reader, member| {
            match member {
                "name" => name = texts.text(reader)?,
                "value" => value = texts.text(reader)?,
                "fileName" => {
                    files = true;
                    reader.skip()?;
                }
                _ => reader.skip()?,
            }
            Ok(())
        })?;
        // what the list itself takes
        texts.take(reader, 64)?;
        fields.push((name, value));
        Ok(())
    })?;
    Ok((fields, files))
}

fn timings<R: Read>(reader: &mut Reader<R>) -> Result<Timings, Error> {
    let mut timings = Timings::default();
    if reader.kind()? != Kind::Object {
        reader.skip()?;
        return Ok(timings);
    }
    reader.object(|reader, name| {
        let phase = match name {
            "blocked" => &mut timings.blocked,
            "dns" => &mut timings.dns,
            "connect" => &mut timings.connect,
            "ssl" => &mut timings.ssl,
            "send" => &mut timings.send,
            "wait" => &mut timings.wait,
            "receive" => &mut timings.receive,
            _ => return reader.skip(),
        };
        *phase = number(reader)?.filter(|ms| *ms >= 0.0);
        Ok(())
    })?;
    Ok(timings)
}

/// Chromium's member for the messages of a WebSocket.
fn messages<R: Read>(
    reader: &mut Reader<R>,
    texts: &mut Texts,
    entry: &mut Entry,
) -> Result<(), Error> {
    if reader.kind()? != Kind::Array {
        return reader.skip();
    }
    let mut all = SpooledTempFile::new(IN_MEMORY);
    let mut messages = Vec::new();
    reader.array(|reader| {
        if reader.kind()? != Kind::Object {
            return reader.skip();
        }
        let mut frame = Frame {
            sent: false,
            time: 0.0,
            opcode: 1,
            length: 0,
            by_hand: false,
        };
        reader.object(|reader, name| {
            match name {
                "_byHand" if reader.kind()? == Kind::Bool => frame.by_hand = reader.boolean()?,
                "type" => frame.sent = texts.text(reader)? == "send",
                "time" => frame.time = number(reader)?.unwrap_or(0.0),
                "opcode" => {
                    let opcode = number(reader)?.unwrap_or(1.0);
                    frame.opcode = if (0.0..16.0).contains(&opcode) {
                        opcode as u8
                    } else {
                        1
                    };
                }
                "data" if reader.kind()? == Kind::Text => {
                    // a member that comes twice counts once: the bytes of the first stay unread
                    let length = reader.text_into(&mut all, u64::MAX)?;
                    frame.length += length;
                }
                _ => reader.skip()?,
            }
            Ok(())
        })?;
        texts.take(reader, 64)?;
        messages.push(frame);
        Ok(())
    })?;
    all.flush()
        .and_then(|()| all.rewind())
        .map_err(Error::Write)?;
    entry.messages = messages;
    entry.frames = Some(all);
    Ok(())
}

/// A number, also one in a text; none when it is something else.
fn number<R: Read>(reader: &mut Reader<R>) -> Result<Option<f64>, Error> {
    let number = match reader.kind()? {
        Kind::Number => Some(reader.number()?),
        Kind::Text => reader.text(MOST_TEXT)?.trim().parse().ok(),
        _ => {
            reader.skip()?;
            None
        }
    };
    Ok(number.filter(|number: &f64| number.is_finite()))
}

/// How many bytes of texts an entry may still have.
struct Texts(usize);

impl Texts {
    /// A text; empty when it is something else. A number is read as it is written.
    fn text<R: Read>(&mut self, reader: &mut Reader<R>) -> Result<String, Error> {
        match reader.kind()? {
            Kind::Text => {
                let text = reader.text(MOST_TEXT)?;
                self.take(reader, text.len())?;
                Ok(text)
            }
            Kind::Number => Ok(reader.number()?.to_string()),
            _ => reader.skip().map(|()| String::new()),
        }
    }

    fn take<R: Read>(&mut self, reader: &Reader<R>, bytes: usize) -> Result<(), Error> {
        self.0 = self.0.checked_sub(bytes).ok_or_else(|| {
            reader.wrong(format!(
                "an entry has more than {} MiB beside its bodies",
                MOST_TEXTS >> 20
            ))
        })?;
        Ok(())
    }
}
