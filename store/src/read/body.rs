//! Bodies: their pieces in order, a few at a time, so that any size takes little memory.

use super::Chunk;
use crate::{
    error::Error,
    flow::{FlowId, Side},
    store::Store,
    table::chunks,
};
use futures_util::{
    StreamExt, TryStreamExt,
    stream::{self, BoxStream},
};
use sqlx::{AssertSqlSafe, SqlitePool};

/// Pieces fetched at once: so many at most,
const PIECES: i64 = 512;

/// and as many as begin within this many bytes of the first.
const BYTES: u64 = 512 * 1024;

impl Store {
    /// The pieces of a body in order, fetched a few at a time: constant memory for any size. Starts with
    /// the piece that holds `from` (bytes from the beginning of the body).
    ///
    /// Of a running flow, ends with what is written when the end is reached.
    pub fn chunks(
        &self,
        id: FlowId,
        side: Side,
        from: u64,
    ) -> BoxStream<'static, Result<Chunk, Error>> {
        let (first, last) = chunks::body(id, side);
        let body = Body {
            readers: self.readers().clone(),
            first,
            last,
        };
        let begin = async move {
            let next = body.piece_at(from).await?;
            Ok::<_, Error>(stream::try_unfold(
                (body, next),
                |(body, next)| async move {
                    let Some(next) = next else {
                        return Ok(None);
                    };
                    let pieces = body.fetch(next).await?;
                    let after = body.next_piece(next.0 + pieces.len() as i64).await?;
                    let pieces = stream::iter(pieces.into_iter().map(Ok::<_, Error>));
                    Ok::<_, Error>(Some((pieces, (body, after))))
                },
            ))
        };
        stream::once(begin).try_flatten().try_flatten().boxed()
    }

    /// Both sides' pieces of a flow merged by time (a raw stream, a WebSocket), at most `limit`, after the
    /// first `skip`.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn messages(
        &self,
        id: FlowId,
        skip: u64,
        limit: u32,
    ) -> Result<Vec<(Side, Chunk)>, Error> {
        let (first, last) = chunks::bodies(id, id);
        // the keys alone are sorted, without the bytes
        let sql = format!(
            r#"SELECT {} FROM (SELECT id AS key FROM chunks WHERE id BETWEEN ? AND ?
            ORDER BY at, id LIMIT ? OFFSET ?) JOIN chunks ON id = key ORDER BY at, id"#,
            chunks::COLUMNS
        );
        let query = sqlx::query(AssertSqlSafe(sql))
            .bind(first)
            .bind(last)
            .bind(i64::from(limit))
            .bind(i64::try_from(skip).unwrap_or(i64::MAX));
        let rows = query.fetch_all(self.readers()).await?;
        rows.iter().map(|row| Ok(chunks::chunk(row)?)).collect()
    }
}

struct Body {
    readers: SqlitePool,
    first: i64,
    last: i64,
}

/// A piece's key and where it begins.
type Place = (i64, i64);

impl Body {
    /// The piece that holds a byte, or the first one after it.
    async fn piece_at(&self, byte: u64) -> Result<Option<Place>, Error> {
        let Some(first) = self.next_piece(self.first).await? else {
            return Ok(None);
        };
        let byte = i64::try_from(byte).unwrap_or(i64::MAX);
        let newest =
            r#"SELECT id, "offset" FROM chunks WHERE id BETWEEN ? AND ? ORDER BY id DESC LIMIT 1"#;
        let query = sqlx::query_as(newest).bind(self.first).bind(self.last);
        let Some(newest): Option<Place> = query.fetch_optional(&self.readers).await? else {
            return Ok(None);
        };
        if newest.1 <= byte {
            let query = sqlx::query_scalar("SELECT length(data) FROM chunks WHERE id = ?");
            let length: Option<i64> = query.bind(newest.0).fetch_optional(&self.readers).await?;
            let ends = newest.1 + length.unwrap_or(0);
            return Ok((byte < ends).then_some(newest));
        }
        // `low` begins at or before the byte (or is the first piece), `high` after it
        let (mut low, mut high) = (first, newest.0);
        while high - low.0 > 1 && low.1 < byte {
            let middle = low.0 + (high - low.0) / 2;
            match self.next_piece(middle).await? {
                Some(place) if place.0 < high && place.1 <= byte => low = place,
                _ => high = middle,
            }
        }
        Ok(Some(low))
    }

    /// The first piece whose key is at least this.
    async fn next_piece(&self, key: i64) -> Result<Option<Place>, Error> {
        let next =
            r#"SELECT id, "offset" FROM chunks WHERE id BETWEEN ? AND ? ORDER BY id LIMIT 1"#;
        let query = sqlx::query_as(next).bind(key).bind(self.last);
        Ok(query.fetch_optional(&self.readers).await?)
    }

    async fn fetch(&self, (key, offset): Place) -> Result<Vec<Chunk>, Error> {
        let sql = format!(
            r#"SELECT {} FROM chunks WHERE id BETWEEN ? AND ? AND "offset" < ? ORDER BY id"#,
            chunks::COLUMNS
        );
        let query = sqlx::query(AssertSqlSafe(sql))
            .bind(key)
            .bind((key + PIECES - 1).min(self.last))
            .bind(offset.saturating_add(BYTES as i64));
        let rows = query.fetch_all(&self.readers).await?;
        let chunks = rows.iter().map(|row| Ok(chunks::chunk(row)?.1));
        chunks.collect()
    }
}
