//! `import`: what the page and scripts send; what a file may hold is tested beside the importer.

use crate::testing::{Answer, Exchange, Site, TOKEN};
use axum::{
    body::Body,
    http::{Request, header},
};
use bytes::Bytes;
use futures_util::stream;
use std::io;

pub(super) async fn send(site: &Site, path: &str, body: Body) -> Answer {
    let request = Request::post(path)
        .header(header::HOST, "localhost:8081")
        .header(header::AUTHORIZATION, format!("Bearer {TOKEN}"))
        .header(header::CONTENT_TYPE, "application/octet-stream")
        .body(body)
        .expect("a request");
    site.answer(request).await
}

#[tokio::test]
async fn an_export_comes_back() {
    let site = Site::new().await;
    site.record(Exchange {
        // more than the limit of other bodies
        response_body: &vec![b'x'; 3 << 20],
        ..Exchange::default()
    })
    .await;
    let har = site.get("/api/export?format=har").await.body;
    let other = Site::new().await;
    let answer = send(
        &other,
        "/api/import?name=%2Ftmp%2Fshop.har",
        Body::from(har),
    )
    .await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let answer = answer.json();
    assert_eq!(answer["flows"], 1);
    assert_eq!(answer["skipped"], serde_json::json!([]));
    let flows = other.get("/api/flows").await.json();
    assert_eq!(flows["items"][0]["response"]["body_size"], 3 << 20);
    assert_eq!(flows["items"][0]["url"], "https://example.test/");
}

#[tokio::test]
async fn what_is_wrong_leaves_nothing() {
    let site = Site::new().await;
    let har = "{\"log\": {\"entries\": [\n{\"request\": {\"method\": \"GET\", \"url\": \"http://a.test/\"}},\n{]}}";
    let problem = send(&site, "/api/import", Body::from(har))
        .await
        .problem(400);
    let detail = problem["detail"].as_str().unwrap_or_default();
    assert!(
        detail.starts_with("line 3, column 2: ']' stands where"),
        "{detail}"
    );
    assert_eq!(site.get("/api/flows/count").await.json()["count"], 0);
    let pieces = stream::iter([
        Ok(Bytes::from_static(b"{\"log\"")),
        Err(io::Error::other("gone")),
    ]);
    let problem = send(&site, "/api/import", Body::from_stream(pieces))
        .await
        .problem(400);
    let detail = problem["detail"].as_str().unwrap_or_default();
    assert!(detail.contains("did not come to its end"), "{detail}");
    send(&site, "/api/import", Body::empty()).await.problem(400);
}
