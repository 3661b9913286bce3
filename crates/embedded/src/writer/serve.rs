//! From the queue to groups.

use std::time::Duration;

use super::{
    Writer, count,
    request::{Control, Request},
};

impl Writer {
    /// Takes what waits in the queue, up to the size of a group, and commits it.
    pub(super) fn serve(&mut self, first: Request) {
        let (max_events, max_bytes) = (self.shared.options.group_events, self.shared.options.group_bytes);
        let (mut events, mut bytes) = (0, 0);
        let mut group = Vec::new();
        let mut next = Some(first);
        let mut control = None;
        let mut wait = Wait::new(self.last_calls, self.last_commit);
        while let Some(request) = next.take() {
            match request {
                Request::Control(request) => {
                    control = Some(request);
                    break;
                }
                Request::Append { events: ref batch, .. } => {
                    events += batch.len();
                    bytes += batch.iter().map(|e| e.json.len()).sum::<usize>();
                }
                Request::Put { ref value, .. } => bytes += value.len(),
                Request::Delete { .. } => {}
            }
            group.push(request);
            if events < max_events && bytes < max_bytes {
                next = self.queue.try_recv().ok().or_else(|| self.company(&mut wait));
            }
        }
        self.last_calls = group.len();
        metrics::gauge!(crate::metric_definitions::QUEUE_DEPTH_CALLS).set(count(self.queue.len()));
        if !group.is_empty() {
            self.commit_group(group);
        }
        match control {
            Some(Control::Remove { tenant, stream, reply }) => {
                let _ = reply.send(self.remove(&tenant, &stream));
            }
            Some(Control::Trim { reply }) => {
                let _ = reply.send(self.apply_retention());
            }
            Some(Control::Close { reply }) => {
                self.queue.close();
                self.closing = Some(reply);
            }
            None => {}
        }
    }

    /// Waits a moment for one of those who were answered together the last time: they are about to come back, and
    /// what comes together costs one fsync. Nobody waits for a lone publisher.
    fn company(&mut self, wait: &mut Wait) -> Option<Request> {
        while wait.calls > 0 && wait.since.elapsed() < wait.limit {
            if let Ok(request) = self.queue.try_recv() {
                wait.calls -= 1;
                return Some(request);
            }
            std::thread::yield_now();
        }
        None
    }
}

/// How long a group waits for company.
struct Wait {
    since: std::time::Instant,
    limit: Duration,
    /// How many may come.
    calls: usize,
}

impl Wait {
    /// At most a small part of what a commit takes.
    fn new(last_calls: usize, last_commit: Duration) -> Self {
        let calls = if last_calls > 1 { last_calls } else { 0 };
        let limit = (last_commit / 4).min(Duration::from_micros(250));
        Self { since: std::time::Instant::now(), limit, calls }
    }
}
