//! Clients whose end blocks.

use std::ops::Deref;

/// Ends its content on a thread where that may take a while: librdkafka waits for its threads.
#[derive(Debug)]
pub(crate) struct Aside<T: Send + 'static>(Option<T>);

impl<T: Send + 'static> Aside<T> {
    pub(crate) fn new(content: T) -> Self {
        Self(Some(content))
    }
}

impl<T: Send + 'static> Deref for Aside<T> {
    type Target = T;

    fn deref(&self) -> &T {
        match &self.0 {
            Some(content) => content,
            // Taken by the drop only.
            None => unreachable!("used after its end"),
        }
    }
}

impl<T: Send + 'static> Drop for Aside<T> {
    fn drop(&mut self) {
        let content = self.0.take();
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(move || drop(content))),
            Err(_) => drop(content),
        }
    }
}
