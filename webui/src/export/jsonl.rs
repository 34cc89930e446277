//! One JSON object a line: the API's detail of a flow, and its bodies as they were sent.

use super::{
    Error, Selection, Summary,
    body::{scan, write_base64, write_error, write_text},
    item::{Item, items},
};
use crate::model::FlowDetail;
use futures_util::TryStreamExt as _;
use overhear_store::{Connection, ConnectionId, Side, Store};
use std::{collections::HashMap, io};
use tokio::io::{AsyncWrite, AsyncWriteExt as _};

pub(super) async fn export<W>(
    store: &Store,
    selection: &Selection,
    out: &mut W,
) -> Result<Summary, Error>
where
    W: AsyncWrite + Send + Unpin,
{
    let mut items = items(store, selection).await?;
    let mut summary = Summary::default();
    let mut connections = Connections::default();
    while let Some(item) = items.try_next().await? {
        let connection = connections.read(store, item.flow().connection).await?;
        let detail = FlowDetail::new(item.flow(), item.heads(), connection);
        let mut line = serde_json::to_string(&detail).map_err(io::Error::from)?;
        // the object stays open for the bodies
        line.pop();
        out.write_all(line.as_bytes()).await?;
        out.write_all(b",\"request_body\":").await?;
        body(&item, Side::Request, out).await?;
        out.write_all(b",\"response_body\":").await?;
        body(&item, Side::Response, out).await?;
        out.write_all(b"}\n").await?;
        summary.flows += 1;
    }
    Ok(summary)
}

/// `{"text": "..."}`, `{"base64": "..."}`, or null where there is no body.
async fn body<W>(item: &Item, side: Side, out: &mut W) -> Result<(), Error>
where
    W: AsyncWrite + Send + Unpin,
{
    let found = scan(item.recorded(side)).await.map_err(write_error)?;
    if found.size == 0 {
        out.write_all(b"null").await?;
    } else if found.text {
        out.write_all(b"{\"text\":").await?;
        write_text(out, item.recorded(side)).await?;
        out.write_all(b"}").await?;
    } else {
        out.write_all(b"{\"base64\":").await?;
        write_base64(out, item.recorded(side)).await?;
        out.write_all(b"}").await?;
    }
    Ok(())
}

/// The connections of late, with their certificates: many flows share one.
#[derive(Default)]
struct Connections(HashMap<ConnectionId, Option<Connection>>);

impl Connections {
    async fn read(
        &mut self,
        store: &Store,
        id: ConnectionId,
    ) -> Result<Option<&Connection>, Error> {
        const MOST: usize = 64;
        if !self.0.contains_key(&id) {
            if self.0.len() >= MOST {
                self.0.clear();
            }
            self.0.insert(id, store.connection(id).await?);
        }
        Ok(self.0.get(&id).and_then(Option::as_ref))
    }
}
