//! What scripts are given, described once: `overhear.d.ts` is written from it, and a test compares it with the objects
//! that there really are.

use std::fmt::Write as _;

/// A class, as TypeScript sees it.
pub(super) struct Class {
    pub(super) name: &'static str,
    help: &'static str,
    /// What a script may make one from; none when it cannot.
    constructor: Option<&'static str>,
    pub(super) members: &'static [Member],
}

/// One of its members.
pub(super) struct Member {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    help: &'static str,
}

/// What a member is.
pub(super) enum Kind {
    /// A value that is read: its type.
    Read(&'static str),
    /// A value that is read and written: its type.
    Write(&'static str),
    /// A function: parameters and result.
    Call(&'static str),
}

use Kind::{Call, Read, Write};

const fn m(name: &'static str, kind: Kind, help: &'static str) -> Member {
    Member { name, kind, help }
}

/// Classes of the namespace `overhear`, by the name that they have in the prelude.
pub(super) const CLASSES: &[Class] = &[
    Class {
        name: "Headers",
        help: "Header fields, with their case and their order. Over HTTP/2 names are in lower case.",
        constructor: Some("init?: Iterable<[string, string]> | Record<string, string>"),
        members: &[
            m(
                "get",
                Call("(name: string): string | null"),
                "The first value of a field; null when there is none.",
            ),
            m(
                "getAll",
                Call("(name: string): string[]"),
                "All its values.",
            ),
            m(
                "has",
                Call("(name: string): boolean"),
                "Whether there is such a field.",
            ),
            m(
                "set",
                Call("(name: string, value: string): void"),
                "Sets a field where it stands first, or behind all others.",
            ),
            m(
                "add",
                Call("(name: string, value: string): void"),
                "Adds a field behind all others.",
            ),
            m(
                "remove",
                Call("(name: string): boolean"),
                "Takes a field away, every time that it is there; false when it is not.",
            ),
            m(
                "entries",
                Call("(): [string, string][]"),
                "Names and values, in order.",
            ),
        ],
    },
    Class {
        name: "Body",
        help: "A body without content coding and transfer coding. What tells its length and its coding is put right when it is changed.",
        constructor: None,
        members: &[
            m(
                "held",
                Read("boolean"),
                "Whether it is here. If not (larger than 8 MiB, a stream of events, `export const bodies = false`), it goes on as it comes, and reading or setting it throws an error that says why.",
            ),
            m(
                "text",
                Write("string"),
                "The body as text: UTF-8, or else ISO-8859-1.",
            ),
            m(
                "json",
                Write("any"),
                "The body as JSON. What is changed in what was read is sent.",
            ),
            m(
                "bytes",
                Write("Uint8Array"),
                "The body as bytes. What is changed in them is sent.",
            ),
        ],
    },
    Class {
        name: "Request",
        help: "A request on its way to the server.",
        constructor: None,
        members: &[
            m("method", Write("string"), "GET, POST…"),
            m(
                "url",
                Write("string"),
                "The whole URL. Another host, port or scheme leads the request to another server; `Host` follows, unless the script sets it.",
            ),
            m(
                "scheme",
                Write("string"),
                "http or https. The port follows, where it was the usual one.",
            ),
            m(
                "host",
                Write("string"),
                "The host, without port and without brackets.",
            ),
            m("port", Write("number"), "The port."),
            m("path", Write("string"), "The path, without the query."),
            m(
                "query",
                Write("string"),
                "The query, without its question mark; empty when there is none.",
            ),
            m(
                "httpVersion",
                Read("string"),
                "HTTP/1.0, HTTP/1.1 or HTTP/2.",
            ),
            m("headers", Read("Headers"), "Its header fields."),
            m("body", Read("Body"), "Its body."),
        ],
    },
    Class {
        name: "Response",
        help: "A response on its way to the client, or one that answers in the server's place. An object becomes JSON.",
        constructor: Some(
            "body?: string | Uint8Array | ArrayBuffer | object | null, init?: { status?: number; reason?: string; headers?: Headers | Iterable<[string, string]> | Record<string, string> }",
        ),
        members: &[
            m("status", Write("number"), "200 to 599."),
            m(
                "reason",
                Write("string"),
                "The words behind the status; HTTP/2 has none.",
            ),
            m("headers", Read("Headers"), "Its header fields."),
            m("body", Read("Body"), "Its body."),
        ],
    },
    Class {
        name: "Message",
        help: "A message of a WebSocket.",
        constructor: None,
        members: &[
            m("sender", Read("\"client\" | \"server\""), "Who sends it."),
            m("kind", Read("\"text\" | \"binary\""), "What it is."),
            m("body", Read("Body"), "What it says."),
        ],
    },
    Class {
        name: "Flow",
        help: "What is recorded: the request with its response.",
        constructor: None,
        members: &[
            m("id", Read("number"), "Its number, as the page shows it."),
            m(
                "client",
                Read("string"),
                "The client's address, without its port.",
            ),
            m(
                "app",
                Read("string"),
                "The program on this computer that asked; empty when it is not known.",
            ),
            m(
                "request",
                Read("Asked"),
                "The request as it came from the client.",
            ),
            m("tags", Read("Tags"), "Words on the flow."),
            m("comment", Write("string"), "A text on the flow."),
            m(
                "highlight",
                Write(
                    "\"red\" | \"orange\" | \"yellow\" | \"green\" | \"blue\" | \"purple\" | \"grey\" | \"\"",
                ),
                "Its color; empty for none. It cannot be taken away.",
            ),
        ],
    },
    Class {
        name: "Asked",
        help: "A request as it came; changing it changes nothing.",
        constructor: None,
        members: &[
            m("method", Read("string"), "GET, POST…"),
            m("url", Read("string"), "The whole URL."),
            m("headers", Read("Headers"), "Its header fields."),
        ],
    },
    Class {
        name: "Tags",
        help: "Words on a flow.",
        constructor: None,
        members: &[
            m("add", Call("(tag: string): void"), "Adds a word."),
            m(
                "has",
                Call("(tag: string): boolean"),
                "Whether it is there.",
            ),
            m("entries", Call("(): string[]"), "All of them."),
        ],
    },
];

/// What `overhear` has beside its classes.
pub(super) const OVERHEAR: &[Member] = &[
    m("version", Read("string"), "The program's version."),
    m(
        "drop",
        Call("(): Verdict"),
        "Returned from a function: the client's connection (over HTTP/2: its stream) is reset. A message of a WebSocket is left out.",
    ),
    m(
        "block",
        Call("(): Verdict"),
        "Returned from a function: the client is answered with 403. A message of a WebSocket is left out.",
    ),
    m(
        "encode",
        Call("(text: string): Uint8Array"),
        "A text as UTF-8.",
    ),
    m(
        "decode",
        Call("(bytes: Uint8Array): string"),
        "Bytes as text: UTF-8, or else ISO-8859-1.",
    ),
];

/// What `console` has.
pub(super) const CONSOLE: &[Member] = &[
    m(
        "log",
        Call("(...values: unknown[]): void"),
        "Says something in the page's console of scripts.",
    ),
    m(
        "info",
        Call("(...values: unknown[]): void"),
        "Says something.",
    ),
    m("warn", Call("(...values: unknown[]): void"), "Warns."),
    m(
        "error",
        Call("(...values: unknown[]): void"),
        "Tells a mistake.",
    ),
    m(
        "debug",
        Call("(...values: unknown[]): void"),
        "Says something that seldom matters.",
    ),
];

const HEAD: &str = r#"// What scripts of overhear are given. Written by `overhear script types`; do not change it.
//
// A script is an ES module that exports one or more of
//
//     export function onRequest(request: overhear.Request, flow: overhear.Flow): overhear.Result
//     export function onResponse(response: overhear.Response, flow: overhear.Flow): overhear.Result
//     export function onMessage(message: overhear.Message, flow: overhear.Flow): overhear.MessageResult
//
// and, if it likes,
//
//     export const filter = "host:example.com"   // only these flows, in the filter language
//     export const bodies = false                // bodies pass as they come, and are not held
//
// What is changed is sent; what is returned decides: nothing (it goes on), a Response (it is the answer), overhear.drop()
// or overhear.block(). Functions may be async. There is no network, no file and no timer; a call has a limit of time
// (--script-time), a script one of memory (--script-memory). Where a function throws, the message goes on unchanged, and the error
// is shown at its flow. Variables of the module survive between calls; they are lost when the file is saved.

"#;

/// `overhear.d.ts`: what scripts are given, for TypeScript and for editors.
pub fn types() -> String {
    let mut text = HEAD.to_owned();
    write(&mut text).map_or_else(|_| String::new(), |()| text)
}

fn write(text: &mut String) -> std::fmt::Result {
    writeln!(text, "declare namespace overhear {{")?;
    for class in CLASSES {
        writeln!(text, "  /** {} */", class.help)?;
        let what = match class.constructor {
            Some(_) => "class",
            None => "interface",
        };
        writeln!(text, "  {what} {} {{", class.name)?;
        if let Some(parameters) = class.constructor {
            writeln!(text, "    constructor({parameters});")?;
        }
        for Member { name, kind, help } in class.members {
            writeln!(text, "    /** {help} */")?;
            match kind {
                Read(of) => writeln!(text, "    readonly {name}: {of};")?,
                Write(of) => writeln!(text, "    {name}: {of};")?,
                Call(of) => writeln!(text, "    {name}{of};")?,
            }
        }
        if class.name == "Headers" {
            writeln!(text, "    [Symbol.iterator](): Iterator<[string, string]>;")?;
        }
        writeln!(text, "  }}")?;
    }
    writeln!(text, "  /** Made by `drop` and `block`. */")?;
    writeln!(
        text,
        "  interface Verdict {{ readonly verdict: unique symbol }}"
    )?;
    for (name, of) in [
        ("Result", "void | Request | Response | Verdict"),
        ("MessageResult", "void | Message | Verdict"),
    ] {
        writeln!(text, "  type {name} = {of} | Promise<{of}>;")?;
    }
    for (name, of, result) in [
        ("OnRequest", "request: Request", "Result"),
        ("OnResponse", "response: Response", "Result"),
        ("OnMessage", "message: Message", "MessageResult"),
    ] {
        writeln!(text, "  type {name} = ({of}, flow: Flow) => {result};")?;
    }
    for Member { name, kind, help } in OVERHEAR {
        writeln!(text, "  /** {help} */")?;
        match kind {
            Call(of) => writeln!(text, "  function {name}{of};")?,
            Read(of) | Write(of) => writeln!(text, "  const {name}: {of};")?,
        }
    }
    writeln!(text, "}}\n")?;
    writeln!(text, "interface Console {{")?;
    for Member { name, kind, help } in CONSOLE {
        let (Read(of) | Write(of) | Call(of)) = kind;
        writeln!(text, "  /** {help} */\n  {name}{of};")?;
    }
    writeln!(text, "}}\ndeclare var console: Console;")
}
