//! SIGHUP with real processes: what is running stays until the new config can run, and what was written stays written.

use std::fs;

use super::{
    Plan, Running,
    support::{
        process::free_port,
        spans::{request, span},
    },
};

const READY: &str = "Everything is ready. Begin running and processing data.";

impl Running {
    /// Puts another config in the place of the one that it read.
    fn rewrite(&self, plan: &Plan) {
        self.folder.write(&plan.config(self.metrics));
    }

    async fn send(&self, number: u32) {
        let body = request(vec![span(number, &format!("span {number}"))]);
        assert_eq!(self.http.post_proto(&body).await.status, 200);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_keeps_what_was_written_before() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("traces.jsonl");
    fs::write(&path, "of another process\n").expect("written");
    let mut plan = Plan::to(vec![format!("file: {{path: '{}'}}", path.display())]);
    plan.ports = Some([free_port(), free_port()]);
    let mut running = plan.start();
    for number in 1..=3 {
        running.send(number).await;
        running.collector.signal("-HUP");
        running.collector.wait_for(READY);
    }
    running.send(4).await;
    running.stop();
    let text = fs::read_to_string(&path).expect("text");
    assert_eq!(text.lines().count(), 4, "{text}");
    for (number, line) in (1..).zip(text.lines()) {
        assert!(line.contains(&format!("\"span {number}\"")), "{text}");
    }
}
