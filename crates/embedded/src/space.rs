//! How much room the disk has.

use std::path::Path;

use headwater_store::Error;

use crate::Reserve;

const MIB: u64 = 1024 * 1024;

/// The room on a disk.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Space {
    pub(crate) free: u64,
    /// What is to be left free.
    pub(crate) reserve: u64,
}

impl Space {
    /// Looks at the disk that holds `path`.
    pub(crate) fn of(path: &Path, reserve: Reserve) -> Result<Self, Error> {
        let disk = rustix::fs::statvfs(path).map_err(Error::unavailable)?;
        let reserve = match reserve {
            Reserve::Bytes(bytes) => bytes,
            Reserve::Auto => (disk.f_blocks.saturating_mul(disk.f_frsize) / 100).clamp(64 * MIB, 1024 * MIB),
        };
        Ok(Self { free: disk.f_bavail.saturating_mul(disk.f_frsize), reserve })
    }

    /// The free space as a number for a gauge.
    #[allow(clippy::cast_precision_loss)]
    pub(crate) fn free_for_gauge(self) -> f64 {
        self.free as f64
    }

    /// Whether `bytes` more may be written.
    pub(crate) fn check(self, bytes: u64) -> Result<(), Error> {
        let needed = self.reserve.saturating_add(bytes);
        if self.free >= needed {
            return Ok(());
        }
        Err(Error::Full {
            reason: format!(
                "{} MiB free, {} MiB are kept free and needed",
                self.free / MIB,
                needed.div_ceil(MIB)
            ),
        })
    }
}
