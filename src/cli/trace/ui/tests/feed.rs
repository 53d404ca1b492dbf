//! The tasks that ask, against a real listener on a port of its own.

use std::{sync::Arc, time::Duration};

use tokio::time::timeout;

use crate::{
    cli::trace::{
        Local,
        ask::Listener,
        ui::{
            app::{App, Event, Link, Scope},
            feed::Feed,
            key::Key,
            news::News,
        },
    },
    net::{
        compression::Encoding,
        grpc_client::{ClientSettings, GrpcClient, Target},
    },
    viewer::{Query, View},
};

const EXPORT: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

/// Exports a span, as an SDK does.
async fn send(port: u16, pair: &str, span: &str, name: &str) {
    let trace = pair.repeat(16);
    let body = format!(
        r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{"traceId":"{trace}","spanId":"{span:0>16}","name":"{name}",
        "startTimeUnixNano":"1000","endTimeUnixNano":"2000","attributes":[{{"key":"k","value":{{"stringValue":"v"}}}}]}}]}}]}}]}}"#
    );
    let batch = crate::otlp::json::read(body.as_bytes()).expect("OTLP/JSON").batch;
    let target = Target::parse(&format!("127.0.0.1:{port}")).expect("a target");
    let client = GrpcClient::new(ClientSettings::to(target));
    let headers = http::HeaderMap::new();
    let call = client.unary(EXPORT, &headers, batch.into_chunks(), Encoding::Identity);
    call.await.expect("accepted");
    client.close().await;
}

/// The screen with its tasks.
struct Live {
    app: App,
    feed: Feed,
}

impl Live {
    async fn new(port: u16) -> Live {
        let listener = Arc::new(Listener::new(port));
        let query = Query {
            view: View::Summary,
            ..Query::default()
        };
        let first = listener.all(&query).await.expect("it answers");
        let mut app = App::new(Scope::default(), (160, 40), false);
        app.take(Event::News(News::Whole(app.asked.clone(), first.clone())));
        let feed = Feed::start(&listener, &Query::default(), app.wanted(), first);
        Live { app, feed }
    }

    /// Takes news until something holds.
    async fn until(&mut self, what: &str, holds: impl Fn(&App) -> bool) {
        while !holds(&self.app) {
            let news = timeout(Duration::from_secs(20), self.feed.next()).await;
            let news = news.unwrap_or_else(|_| panic!("waited in vain until {what}"));
            self.app.take(Event::News(news.expect("the tasks run")));
            self.feed.want(self.app.wanted());
        }
    }

    fn press(&mut self, keys: &str) {
        for key in super::script_keys(keys) {
            self.app.take(Event::Key(key));
        }
        self.feed.want(self.app.wanted());
    }
}

fn roots(app: &App) -> String {
    app.list
        .rows
        .iter()
        .map(|row| row.root.as_str())
        .collect::<Vec<_>>()
        .join(" ")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_is_shown_and_what_is_asked_is_answered() {
    let listener = Local::start("127.0.0.1", 0).await.expect("a free port");
    let port = listener.port();
    send(port, "aa", "1", "one").await;
    let mut live = Live::new(port).await;
    assert_eq!(roots(&live.app), "one");
    live.until("the trace is open", |app| app.tree.visible().len() == 1)
        .await;
    send(port, "bb", "1", "two").await;
    live.until("the second is there", |app| roots(app) == "two one").await;
    assert_eq!(live.app.list.cursor.at, 1, "the first is still selected");
    send(port, "aa", "2", "more").await;
    live.until("the open trace has grown", |app| app.tree.visible().len() == 2)
        .await;
    assert_eq!(roots(&live.app), "one two");
    live.press("/name=two");
    live.app.take(Event::Key(Key::Enter));
    live.feed.want(live.app.wanted());
    live.until("the filter is answered", |app| roots(app) == "two").await;
    live.press("/");
    live.press("<C-u>kay=v<Enter>");
    live.until("the filter is refused", |app| app.refused.is_some()).await;
    assert!(
        live.app.refused.as_deref().is_some_and(|why| why.contains("kay")),
        "{:?}",
        live.app.refused
    );
    live.press("<Esc>");
    live.until("all are back", |app| roots(app) == "one two").await;
    live.press("p");
    send(port, "cc", "1", "three").await;
    let quiet = timeout(Duration::from_millis(1500), live.until("paused", |app| app.held == 3)).await;
    assert!(quiet.is_err(), "paused: nothing comes");
    live.press("p");
    live.until("live again", |app| roots(app) == "three one two").await;
    listener.end().await.expect("ended");
    live.until("the listener is missed", |app| matches!(app.link, Link::Lost(_)))
        .await;
    let again = Local::start("127.0.0.1", port).await.expect("the same port");
    live.until("another listener is found", |app| {
        app.link == Link::Live && app.list.rows.is_empty()
    })
    .await;
    live.feed.end().await;
    again.end().await.expect("ended");
}
