//! What is written and then takes effect is done whole, also when whoever asked for it is gone meanwhile.

use axum::{extract::Request, middleware::Next, response::Response};

/// Runs a request in a task of its own: a connection that closes would end it between the two.
pub(super) async fn to_its_end(request: Request, next: Next) -> Response {
    match tokio::spawn(next.run(request)).await {
        Ok(response) => response,
        // it is never aborted
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::{Router, body::Body, middleware, routing::put};
    use tokio::sync::{Mutex, oneshot};
    use tower::ServiceExt as _;

    #[tokio::test]
    async fn a_request_that_nobody_waits_for_any_more_is_done() {
        let (begun, has_begun) = oneshot::channel();
        let (go_on, may_go_on) = oneshot::channel::<()>();
        let (ended, has_ended) = oneshot::channel();
        let parts = std::sync::Arc::new(Mutex::new(Some((begun, may_go_on, ended))));
        let change = move || async move {
            if let Some((begun, may_go_on, ended)) = parts.lock().await.take() {
                let _ = begun.send(());
                let _ = may_go_on.await;
                let _ = ended.send(());
            }
        };
        let router = Router::new()
            .route("/rules", put(change))
            .layer(middleware::from_fn(to_its_end));
        let request = Request::put("/rules").body(Body::empty()).unwrap();
        let asked = tokio::spawn(router.oneshot(request));
        has_begun.await.unwrap();
        asked.abort();
        assert!(asked.await.unwrap_err().is_cancelled());
        go_on.send(()).unwrap();
        has_ended.await.unwrap();
    }
}
