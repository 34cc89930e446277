//! Answers from files: one file, or a folder by the request's path (map local).

use super::{message::Message, run::Asked};
use std::{
    io::SeekFrom,
    path::{Path, PathBuf},
};
use tokio::{
    fs::File,
    io::{AsyncReadExt, AsyncSeekExt},
};

/// The most of a file that is sent at once: bytes. It is held in memory on its way.
const MOST: u64 = 64 << 20;

/// The answer; a failure comes with the answer that tells it.
pub(crate) async fn answer(
    place: &str,
    from: &str,
    asked: &Asked,
) -> Result<(Message, String), (Message, String)> {
    let path = find(Path::new(place), from, &asked.path).await;
    let path = match path {
        Ok(path) => path,
        Err(why) => return Err((Message::text(404, format!("{why}\n")), why)),
    };
    match read(&path, asked.range.as_deref()).await {
        Ok(message) => Ok((message, format!("answered from {}", path.display()))),
        Err(why) => Err((Message::text(404, format!("{why}\n")), why)),
    }
}

/// The bytes of a file for a body.
pub(crate) async fn body(path: &str) -> Result<Vec<u8>, String> {
    let told = |error: std::io::Error| format!("the file {path} cannot be read: {error}");
    let file = File::open(path).await.map_err(told)?;
    let mut bytes = Vec::new();
    let read = file.take(MOST + 1).read_to_end(&mut bytes).await;
    read.map_err(told)?;
    if bytes.len() as u64 > MOST {
        return Err(format!("the file {path} is larger than {} MiB", MOST >> 20));
    }
    Ok(bytes)
}

/// Which file a request's path means; nothing above the folder is reached.
async fn find(place: &Path, from: &str, path: &str) -> Result<PathBuf, String> {
    let metadata = tokio::fs::metadata(place).await;
    let metadata =
        metadata.map_err(|error| format!("{} cannot be read: {error}", place.display()))?;
    if !metadata.is_dir() {
        return Ok(place.to_owned());
    }
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let rest = path.strip_prefix(from).unwrap_or(path);
    let mut found = place.to_owned();
    for part in rest.split('/').filter(|part| !part.is_empty()) {
        let part = percent_encoding::percent_decode_str(part).decode_utf8_lossy();
        if part == "." || part == ".." || part.contains(['/', '\\', '\0', ':']) {
            return Err(format!(
                "{path} is no path of a file in {}",
                place.display()
            ));
        }
        found.push(part.as_ref());
    }
    if tokio::fs::metadata(&found)
        .await
        .is_ok_and(|found| found.is_dir())
    {
        found.push("index.html");
    }
    match tokio::fs::metadata(&found).await {
        Ok(_) => Ok(found),
        Err(_) => Err(format!("there is no file {}", found.display())),
    }
}

async fn read(path: &Path, range: Option<&str>) -> Result<Message, String> {
    let told = |error: std::io::Error| format!("{} cannot be read: {error}", path.display());
    let mut file = File::open(path).await.map_err(told)?;
    let size = file.metadata().await.map_err(told)?.len();
    let (mut message, first, length) = match range.map(|range| part(range, size)) {
        Some(Part::Outside) => {
            let mut message = Message::text(416, "The range is outside of the file.\n".to_owned());
            message.add("Content-Range", format!("bytes */{size}").as_bytes());
            return Ok(message);
        }
        Some(Part::Of(first, last)) => {
            let mut message = Message::answer(206);
            let range = format!("bytes {first}-{last}/{size}");
            message.add("Content-Range", range.as_bytes());
            (message, first, last - first + 1)
        }
        Some(Part::All) | None => (Message::answer(200), 0, size),
    };
    if length > MOST {
        return Err(format!(
            "{} has {length} bytes; at most {} MiB of a file are sent at once",
            path.display(),
            MOST >> 20
        ));
    }
    file.seek(SeekFrom::Start(first)).await.map_err(told)?;
    let mut body = Vec::new();
    file.take(length)
        .read_to_end(&mut body)
        .await
        .map_err(told)?;
    let kind = mime_guess::from_path(path).first_or_octet_stream();
    let kind = match kind.type_() == "text"
        || kind.subtype() == "javascript"
        || kind.subtype() == "json"
    {
        true => format!("{}; charset=utf-8", kind.essence_str()),
        false => kind.essence_str().to_owned(),
    };
    message.add("Content-Type", kind.as_bytes());
    message.add("Accept-Ranges", b"bytes");
    message.set_body(body);
    Ok(message)
}

/// What a `Range` asks for (RFC 9110 section 14.2): first and last byte.
#[derive(Debug, PartialEq, Eq)]
enum Part {
    /// It is no range of bytes, or several.
    All,
    Of(u64, u64),
    Outside,
}

fn part(range: &str, size: u64) -> Part {
    let Some((first, last)) = range
        .trim()
        .strip_prefix("bytes=")
        .and_then(|r| r.split_once('-'))
    else {
        return Part::All;
    };
    let number = |text: &str| text.trim().parse::<u64>().ok();
    let (first, last) = match (first.trim(), last.trim()) {
        ("", last) => match number(last) {
            Some(0) => return Part::Outside,
            Some(length) => (size.saturating_sub(length), u64::MAX),
            None => return Part::All,
        },
        (first, "") => match number(first) {
            Some(first) => (first, u64::MAX),
            None => return Part::All,
        },
        (first, last) => match (number(first), number(last)) {
            (Some(first), Some(last)) if first <= last => (first, last),
            _ => return Part::All,
        },
    };
    match first < size {
        true => Part::Of(first, last.min(size - 1)),
        false => Part::Outside,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        for (range, expected) in [
            ("bytes=0-4", Part::Of(0, 4)),
            ("bytes=5-", Part::Of(5, 9)),
            ("bytes=-3", Part::Of(7, 9)),
            ("bytes=-30", Part::Of(0, 9)),
            ("bytes=8-99", Part::Of(8, 9)),
            ("bytes=10-", Part::Outside),
            ("bytes=4-2", Part::All),
            ("bytes=0-1,3-4", Part::All),
            ("lines=0-4", Part::All),
        ] {
            assert_eq!(part(range, 10), expected, "{range}");
        }
        assert_eq!(part("bytes=0-", 0), Part::Outside);
    }

    #[tokio::test]
    async fn nothing_above_the_folder_is_reached() {
        let folder = tempfile::tempdir().unwrap();
        let inside = folder.path().join("in");
        std::fs::create_dir(&inside).unwrap();
        std::fs::write(folder.path().join("secret"), "x").unwrap();
        std::fs::write(inside.join("a b.txt"), "y").unwrap();
        for path in ["/../secret", "/%2e%2e/secret", "/..%2fsecret", "/x%00"] {
            assert!(find(&inside, "", path).await.is_err(), "{path}");
        }
        let found = find(&inside, "/api", "/api/a%20b.txt?x=/../y").await;
        assert_eq!(found, Ok(inside.join("a b.txt")));
    }
}
