//! Copying what there is, then what comes.

use std::{
    collections::{HashMap, HashSet},
    convert::Infallible,
    sync::Arc,
    time::Duration,
};

use headwater_events::StreamName;
use tokio::{task::JoinSet, time::Instant};

use super::{
    Happening, MirrorError, StreamReport,
    copier::Copier,
    dirty::Dirty,
    mark::Mark,
    pass::{Begin, Pass},
    sweep::sweep,
    watch::{self, Watch},
};

/// How often a stream that is being written is looked at where deltas cannot be watched.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How long a stream is looked at after its last event.
const LOOK_FOR: Duration = Duration::from_secs(30);
/// How many marks are remembered, so that a live stream's need not be read again.
const MAX_MARKS: usize = 100_000;

/// Copies for ever. Watching begins before the sweep, so that nothing falls between the two.
pub(crate) async fn follow(copier: &Arc<Copier>) -> Result<Infallible, MirrorError> {
    let dirty = Arc::new(Dirty::default());
    let watch = Watch::open(Arc::clone(copier)).await?;
    let work = async {
        sweep(copier).await?;
        copier.tell(Happening::Live);
        Live::new(copier, &dirty).run().await
    };
    tokio::select! {
        failed = watch.run(Arc::clone(&dirty)) => failed,
        done = work => done,
    }
}

struct Live<'a> {
    copier: &'a Arc<Copier>,
    dirty: &'a Dirty,
    busy: HashSet<StreamName>,
    marks: HashMap<StreamName, Mark>,
    /// Streams that are looked at without being told, and until when.
    warm: HashMap<StreamName, Instant>,
    tasks: JoinSet<Result<(StreamReport, Mark), MirrorError>>,
}

impl<'a> Live<'a> {
    fn new(copier: &'a Arc<Copier>, dirty: &'a Dirty) -> Self {
        Self {
            copier,
            dirty,
            busy: HashSet::new(),
            marks: HashMap::new(),
            warm: HashMap::new(),
            tasks: JoinSet::new(),
        }
    }

    async fn run(mut self) -> Result<Infallible, MirrorError> {
        let mut look = tokio::time::interval(LOOK_EVERY);
        let mut sweep_due = false;
        loop {
            sweep_due |= self.dirty.take_all();
            if sweep_due && self.tasks.is_empty() {
                // A mark that is remembered may be older than the one the sweep leaves.
                self.marks.clear();
                sweep(self.copier).await?;
                sweep_due = false;
            }
            if !sweep_due {
                self.start();
            }
            tokio::select! {
                Some(done) = self.tasks.join_next() => {
                    let (report, mark) = done.map_err(|_| MirrorError::Lost)??;
                    self.done(&report, mark);
                }
                () = self.dirty.changed() => {}
                _ = look.tick(), if !self.warm.is_empty() => {
                    let now = Instant::now();
                    self.warm.retain(|_, until| *until > now);
                    self.warm.keys().for_each(|stream| self.dirty.add(stream.clone()));
                }
            }
        }
    }

    fn start(&mut self) {
        while self.tasks.len() < self.copier.options.side_by_side.max(1) {
            let Some(stream) = self.dirty.take(&self.busy) else { return };
            self.busy.insert(stream.clone());
            let begin = self.marks.remove(&stream).map_or(Begin::Marked, Begin::Behind);
            let copier = Arc::clone(self.copier);
            self.tasks.spawn(async move { Pass::run(&copier, &stream, begin, None).await });
        }
    }

    fn done(&mut self, report: &StreamReport, mark: Mark) {
        self.busy.remove(&report.stream);
        if self.marks.len() >= MAX_MARKS {
            self.marks.clear();
        }
        self.marks.insert(report.stream.clone(), mark);
        if report.stored > 0 && !watch::sees_deltas(self.copier) {
            self.warm.insert(report.stream.clone(), Instant::now() + LOOK_FOR);
        }
    }
}
