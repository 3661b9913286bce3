//! Copying every stream once.

use std::sync::Arc;

use headwater_broker::StreamInfo;
use headwater_events::{Cursor, StreamName};
use tokio::task::JoinSet;

use super::{
    Happening, MirrorError, MirrorReport, StreamReport,
    copier::Copier,
    pass::{Begin, Pass},
};

/// How many streams are listed at once.
const PAGE: usize = 500;

/// Copies every stream up to where the source ends now.
pub(crate) async fn sweep(copier: &Arc<Copier>) -> Result<MirrorReport, MirrorError> {
    let tail = copier.tail().await?;
    announce(copier).await?;
    let mut report = MirrorReport::default();
    let mut tasks = JoinSet::new();
    let mut names = Names::new(copier);
    while let Some(page) = names.next().await? {
        for stream in page {
            while tasks.len() >= copier.options.side_by_side.max(1) {
                collect(&mut tasks, &mut report).await?;
            }
            tasks.spawn(one(Arc::clone(copier), stream, tail.clone()));
        }
    }
    while !tasks.is_empty() {
        collect(&mut tasks, &mut report).await?;
    }
    Ok(report)
}

async fn one(copier: Arc<Copier>, stream: StreamName, tail: Cursor) -> Result<StreamReport, MirrorError> {
    let end = copier.end_of(&stream, &tail);
    let begin = if copier.options.restart { Begin::Anew } else { Begin::Marked };
    Ok(Pass::run(&copier, &stream, begin, Some(end)).await?.0)
}

async fn collect(
    tasks: &mut JoinSet<Result<StreamReport, MirrorError>>,
    report: &mut MirrorReport,
) -> Result<(), MirrorError> {
    if let Some(done) = tasks.join_next().await {
        report.add(&done.map_err(|_| MirrorError::Lost)??);
    }
    Ok(())
}

/// Says how much there is.
async fn announce(copier: &Copier) -> Result<(), MirrorError> {
    let (mut streams, mut events) = (0, 0);
    let mut count = |info: &StreamInfo| {
        streams += 1;
        events += info.durable_events + info.transient_events;
    };
    match &copier.options.streams {
        Some(named) => {
            for stream in named {
                let mut patience = copier.patience();
                let info = loop {
                    match copier.source.end.broker.stream(&copier.source.tenant, stream).await {
                        Ok(info) => break info,
                        Err(error) => copier.wait(&mut patience, MirrorError::Source(error)).await?,
                    }
                };
                info.iter().for_each(&mut count);
            }
        }
        None => {
            let mut after = None;
            loop {
                let page = list(copier, after.as_ref()).await?;
                page.iter().for_each(&mut count);
                match page.into_iter().last() {
                    Some(last) => after = Some(last.stream),
                    None => break,
                }
            }
        }
    }
    copier.tell(Happening::Found { streams, events });
    Ok(())
}

async fn list(copier: &Copier, after: Option<&StreamName>) -> Result<Vec<StreamInfo>, MirrorError> {
    let mut patience = copier.patience();
    loop {
        match copier.source.end.broker.streams(&copier.source.tenant, after, PAGE).await {
            Ok(page) => return Ok(page),
            Err(error) => copier.wait(&mut patience, MirrorError::Source(error)).await?,
        }
    }
}

/// The names of the streams that are copied, page by page.
struct Names<'a> {
    copier: &'a Copier,
    named: Option<Vec<StreamName>>,
    after: Option<StreamName>,
}

impl<'a> Names<'a> {
    fn new(copier: &'a Copier) -> Self {
        let named = copier.options.streams.clone().map(|mut named| {
            named.sort_unstable();
            named.dedup();
            named
        });
        Self { copier, named, after: None }
    }

    async fn next(&mut self) -> Result<Option<Vec<StreamName>>, MirrorError> {
        if self.copier.options.streams.is_some() {
            return Ok(self.named.take());
        }
        let page = list(self.copier, self.after.as_ref()).await?;
        let names: Vec<StreamName> = page.into_iter().map(|info| info.stream).collect();
        self.after = names.last().cloned().or(self.after.take());
        Ok((!names.is_empty()).then_some(names))
    }
}
