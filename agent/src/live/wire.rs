//! Watches the packets of the interfaces that were chosen, and follows as interfaces come and go.

use std::{
    collections::HashMap,
    io,
    sync::{Arc, Mutex, PoisonError},
};

use super::interface::{Change, Choice, Interface, Watch};
use crate::{
    export::Shared,
    kernel::{Kernel, WireLinks, WireMode},
};

/// Stage of the losses counted here, and their reasons.
const STAGE: &str = "attach";
const REFUSED: &str = "interface_refused";
const UNTOLD: &str = "interfaces_untold";

/// What watches packets. Dropping it detaches all its programs.
pub(super) struct Wire {
    kernel: Arc<Mutex<Kernel>>,
    choice: Choice,
    interfaces: HashMap<u32, Watched>,
    shared: Shared,
    /// Tells of interfaces. `None`: the kernel does not.
    watch: Option<Watch>,
}

/// An interface that was chosen.
struct Watched {
    name: String,
    /// `None`: the kernel refused.
    _links: Option<WireLinks>,
}

impl Wire {
    /// Watches the interfaces that are there now. What cannot be watched is counted.
    pub(super) async fn start(kernel: Arc<Mutex<Kernel>>, choice: Choice, shared: Shared) -> Self {
        shared.metrics().expect_losses(STAGE, [REFUSED, UNTOLD]);
        let mut wire = Self {
            kernel,
            choice,
            interfaces: HashMap::new(),
            shared,
            watch: None,
        };
        match Watch::new() {
            Ok(watch) => wire.follow_first(watch).await,
            Err(error) => wire.untold(&error),
        }
        for name in &wire.choice.names {
            if !wire.interfaces.values().any(|watched| watched.name == *name) {
                tracing::warn!(
                    interface = name,
                    "no such interface yet, or none that can be watched"
                );
            }
        }
        wire
    }

    /// Follows changes until it is dropped.
    pub(super) async fn run(mut self) {
        while let Some(watch) = &mut self.watch {
            match watch.change().await {
                Ok(change) => self.follow(change),
                Err(error) => self.untold(&error),
            }
        }
        // What is watched stays watched.
        std::future::pending::<()>().await;
    }

    async fn follow_first(&mut self, mut watch: Watch) {
        loop {
            match watch.first_change().await {
                Ok(Some(change)) => self.follow(change),
                Ok(None) => break,
                Err(error) => return self.untold(&error),
            }
        }
        self.watch = Some(watch);
    }

    fn untold(&mut self, error: &io::Error) {
        tracing::warn!(%error, "the kernel tells of no interfaces: those that come are not watched");
        self.shared.metrics().loss(STAGE, UNTOLD, 1);
        self.watch = None;
    }

    fn follow(&mut self, change: Change) {
        match change {
            Change::Gone(index) => {
                if let Some(watched) = self.interfaces.remove(&index) {
                    tracing::info!(interface = watched.name, "gone");
                }
            }
            Change::Present(interface) => {
                let modes = self.choice.modes(&interface);
                let known = self.interfaces.get_mut(&interface.index);
                match known {
                    // A name was chosen, and the interface has it no longer.
                    Some(_) if modes.is_empty() => {
                        self.interfaces.remove(&interface.index);
                    }
                    Some(watched) => watched.name = interface.name,
                    None if modes.is_empty() => {}
                    None => self.attach(interface, modes),
                }
            }
        }
    }

    fn attach(&mut self, interface: Interface, modes: &[WireMode]) {
        let Interface { index, name, .. } = interface;
        let mut links = None;
        for mode in modes {
            // Attaching takes the kernel some milliseconds, and a driver more.
            let attached = tokio::task::block_in_place(|| {
                let mut kernel = self.kernel.lock().unwrap_or_else(PoisonError::into_inner);
                kernel.attach_wire(&name, *mode)
            });
            match attached {
                Ok(attached) => {
                    tracing::info!(interface = name, mode = mode.as_str(), "watching packets");
                    links = Some(attached);
                    break;
                }
                Err(error) => tracing::warn!(%error, "cannot watch packets"),
            }
        }
        if links.is_none() {
            self.shared.metrics().loss(STAGE, REFUSED, 1);
        }
        self.interfaces.insert(index, Watched { name, _links: links });
    }
}
