//! The fields of the filter language, and its help.

/// What a person is told about a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FieldHelp {
    /// Its name, without the colon.
    pub name: &'static str,
    /// What it looks at and how.
    pub what: &'static str,
    /// A term that uses it.
    pub example: &'static str,
    /// All its values, when they are known beforehand.
    pub values: Option<&'static [&'static str]>,
    /// The values that occur can be asked for: see [`crate::Store::values`].
    pub completes: bool,
}

macro_rules! fields {
    ($($field:ident $name:literal $example:literal $what:literal;)*) => {
        /// What a term looks at.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Field {
            $($field,)*
        }

        /// Every field, for help.
        pub const FIELDS: &[FieldHelp] = &[
            $(FieldHelp {
                name: $name,
                example: $example,
                what: $what,
                values: Field::$field.values(),
                completes: Field::$field.completes(),
            },)*
        ];

        const ALL: &[Field] = &[$(Field::$field,)*];
    };
}

fields! {
    Host "host" "host:example.com" "the host itself or any name below it; host:localhost:8080 with its port";
    Path "path" "path:/api" "the path with its query contains this; with *, the whole path";
    Url "url" "url:https://example.com/*" "the URL contains this; with *, the whole URL";
    Method "method" "method:post" "the request method";
    Status "status" "status:4xx" "the status code: a number, 4xx, >=400, 200..299";
    Grpc "grpc" "grpc:unavailable" "the status of a gRPC call: its name or number, >0 for all that went wrong; grpc: alone: any call that has ended";
    Type "type" "type:json" "the media type of the request or the response contains this; with *, all of it";
    Header "header" "header:set-cookie=session" "name=value: a field whose value contains this; a text alone: anywhere in the heads";
    Body "body" "body:token" "a body contains this: its bytes as they passed, what it decodes to, or the messages of a WebSocket";
    Size "size" "size:>10k" "the size of the response's body: k, M, G are thousands, KiB, MiB, GiB are 1024s";
    Upload "upload" "upload:>1M" "the size of the request's body";
    Duration "duration" "duration:>1.5s" "from beginning to end: ms (also without a unit), s, m, h";
    Client "client" "client:192.168.1.0/24" "the client's address: an address, with its port, with *, or a network";
    App "app" "app:curl" "the name of the program on this computer contains this; with *, the whole name; app: alone: any that is known";
    Server "server" "server:93.184.216.34" "the server's address, likewise";
    Port "port" "port:8443" "the port of the target";
    Scheme "scheme" "scheme:https" "http, https, ws, wss, tcp, tls, udp, dns or icmp";
    Version "version" "version:2" "the HTTP version on either side: 1.0, 1.1 or 2";
    Kind "kind" "kind:websocket" "http, websocket, tcp, tls, udp, dns or icmp";
    State "state" "state:running" "running, complete, failed or interrupted";
    Error "error" "error:dns" "the cause (dns, refused, unreachable, timeout, tls, certificate, protocol, loop, reset, closed, forbidden, other), or a text in the message; error: alone: any error";
    Tag "tag" "tag:red" "one of the tags; tag: alone: any tag";
    Comment "comment" "comment:broken" "the comment contains this; comment: alone: any comment";
    Color "color" "color:red" "the color: red, orange, yellow, green, blue, purple or grey; color: alone: any color";
    Rule "rule" "rule:Staging" "the name of a rule that touched it; rule: alone: any rule";
    Is "is" "is:starred" "starred, commented, tagged, replay, modified (an edited replay, or changed by a rule), imported, running or failed";
    Started "started" "started:>=2026-11-21T13:05:00Z" "when it began: a moment with its offset from UTC, with > and <, or two with .. between them";
    Age "age" "age:<10m" "how long ago it began: ms, s, m, h, d";
    Session "session" "session:3" "the number of the session";
    Replay "replay" "replay:17" "replays of this flow; replay: alone: any replay";
    Id "id" "id:100..200" "the number of the flow";
    Connection "connection" "connection:5" "the number of the connection";
}

impl Field {
    const fn values(self) -> Option<&'static [&'static str]> {
        Some(match self {
            Self::Kind => &["http", "websocket", "tcp", "tls", "udp", "dns", "icmp"],
            Self::State => &["running", "complete", "failed", "interrupted"],
            Self::Scheme => &[
                "http", "https", "ws", "wss", "tcp", "tls", "udp", "dns", "icmp",
            ],
            Self::Grpc => GRPC,
            Self::Version => &["1.0", "1.1", "2"],
            Self::Color => COLORS,
            Self::Is => IS,
            Self::Error => &[
                "dns",
                "refused",
                "unreachable",
                "timeout",
                "tls",
                "certificate",
                "protocol",
                "loop",
                "reset",
                "closed",
                "forbidden",
                "other",
            ],
            _ => return None,
        })
    }

    /// As `read::values` knows it.
    const fn completes(self) -> bool {
        matches!(
            self,
            Self::Host
                | Self::Method
                | Self::Status
                | Self::Type
                | Self::Client
                | Self::App
                | Self::Server
                | Self::Scheme
                | Self::Kind
                | Self::State
                | Self::Error
                | Self::Tag
                | Self::Version
                | Self::Port
                | Self::Color
                | Self::Path
        )
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        let mut all = ALL.iter();
        all.find(|f| f.name().eq_ignore_ascii_case(name)).copied()
    }

    pub(super) fn name(self) -> &'static str {
        self.help().name
    }

    pub(super) fn help(self) -> &'static FieldHelp {
        // both lists come from one
        FIELDS.get(self as usize).unwrap_or(&FIELDS[0])
    }

    /// The field that somebody may have meant.
    pub(super) fn nearest(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        let near = ALL.iter().map(|f| (distance(&name, f.name()), *f));
        let nearest = near.min_by_key(|(distance, _)| *distance);
        let (distance, field) = nearest?;
        let begins = ALL
            .iter()
            .find(|f| name.len() > 1 && f.name().starts_with(&name));
        begins
            .copied()
            .or_else(|| (distance <= 2 && distance < name.len()).then_some(field))
    }

    /// Whether a name is a field's but for one slip.
    pub(super) fn is_nearly(name: &str) -> bool {
        let name = name.to_ascii_lowercase();
        name.len() > 3 && ALL.iter().any(|f| distance(&name, f.name()) == 1)
    }

    pub(super) fn names() -> String {
        let names: Vec<_> = FIELDS.iter().map(|f| f.name).collect();
        names.join(", ")
    }
}

/// What a person can color a flow with.
const COLORS: &[&str] = &["red", "orange", "yellow", "green", "blue", "purple", "grey"];

/// What a flow can be.
const IS: &[&str] = &[
    "starred",
    "commented",
    "tagged",
    "replay",
    "modified",
    "imported",
    "running",
    "failed",
];

/// The names of `google.rpc.Code`, as [`crate::grpc::STATUS_NAMES`] has them, in small letters as every other value.
const GRPC: &[&str] = &[
    "ok",
    "cancelled",
    "unknown",
    "invalid_argument",
    "deadline_exceeded",
    "not_found",
    "already_exists",
    "permission_denied",
    "resource_exhausted",
    "failed_precondition",
    "aborted",
    "out_of_range",
    "unimplemented",
    "internal",
    "unavailable",
    "data_loss",
    "unauthenticated",
];

/// How many characters must be put in, left out, exchanged or swapped with their neighbour.
fn distance(a: &str, b: &str) -> usize {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let width = b.len() + 1;
    let mut costs: Vec<usize> = (0..width).collect();
    let mut above = costs.clone();
    for (row, x) in (1..).zip(a) {
        let before = std::mem::replace(&mut above, costs.clone());
        let mut line = vec![row; width];
        for (column, y) in (1..).zip(b) {
            let left = line.get(column - 1).copied().unwrap_or(row);
            let up = above.get(column).copied().unwrap_or(row);
            let diagonal = above.get(column - 1).copied().unwrap_or(row);
            let mut cost = (left + 1).min(up + 1).min(diagonal + usize::from(x != y));
            let swapped =
                row > 1 && column > 1 && a.get(row - 2) == Some(y) && b.get(column - 2) == Some(x);
            if swapped {
                cost = cost.min(before.get(column - 2).copied().unwrap_or(row) + 1);
            }
            if let Some(place) = line.get_mut(column) {
                *place = cost;
            }
        }
        costs = line;
    }
    costs.last().copied().unwrap_or(a.len())
}

/// The filter language for a person: what can be written, and the fields.
pub fn help() -> String {
    let mut text = SYNTAX.to_owned();
    for field in FIELDS {
        text.push_str(&format!("  {:<28} {}\n", field.example, field.what));
    }
    text
}

const SYNTAX: &str = r#"A filter is made of terms; a flow must match all of them.

  word                         in the URL or in any header, upper and lower case alike
  "some words"                 exactly this text
  /expr/  /expr/i              a regular expression; with i, upper and lower case alike
  field:value                  see below; the value can be quoted or a regular expression too
  field:=value                 the whole text, not a part of it
  not term   -term   !term     what does not match
  term or term   term|term     one of the two
  ( ... )                      parentheses group
  *                            in a word: any text

"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_example_is_a_filter_on_its_field() {
        for field in FIELDS {
            let filter = crate::filter::Filter::parse(field.example);
            assert!(filter.is_ok(), "{}: {filter:?}", field.example);
            assert!(field.example.starts_with(&format!("{}:", field.name)));
        }
        for field in FIELDS {
            for value in field.values.unwrap_or_default() {
                let filter = format!("{}:{value}", field.name);
                assert!(crate::filter::Filter::parse(&filter).is_ok(), "{filter}");
            }
        }
        for field in ALL {
            assert_eq!(Field::named(field.name()), Some(*field));
            assert!(help().contains(field.help().what));
        }
    }

    #[test]
    fn grpc_is_called_as_its_codes_are() {
        let names = crate::grpc::STATUS_NAMES.map(str::to_ascii_lowercase);
        assert_eq!(GRPC, names);
    }

    #[test]
    fn near_names_are_found() {
        let near = |name| Field::nearest(name).map(Field::name);
        assert_eq!(near("hots"), Some("host"));
        assert_eq!(near("statsu"), Some("status"));
        assert_eq!(near("dur"), Some("duration"));
        assert_eq!(near("METHODS"), Some("method"));
        assert_eq!(near("xyzzy"), None);
        assert_eq!(near("a"), None);
    }
}
