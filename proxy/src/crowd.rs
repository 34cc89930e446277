//! Which clients have how many TLS connections to a server: a connection that a client gives up at once may
//! mean that it does not like our certificate, unless it only keeps one of several.

use crate::target::Target;
use parking_lot::Mutex;
use std::{collections::HashMap, net::IpAddr};

/// The connections there are.
#[derive(Debug, Default)]
pub(crate) struct Crowd(Mutex<HashMap<Key, usize>>);

type Key = (IpAddr, String, u16);

/// One connection; it leaves when this is dropped.
pub(crate) struct Here<'a> {
    crowd: &'a Crowd,
    key: Key,
}

impl Crowd {
    /// Counts a connection of `client` to `target`.
    pub(crate) fn enter(&self, client: IpAddr, target: &Target) -> Here<'_> {
        let key = (client, target.host.to_ascii_lowercase(), target.port);
        *self.0.lock().entry(key.clone()).or_default() += 1;
        Here { crowd: self, key }
    }
}

impl Here<'_> {
    /// Whether the client has no other connection to the server.
    pub(crate) fn is_alone(&self) -> bool {
        self.crowd.0.lock().get(&self.key) == Some(&1)
    }
}

impl Drop for Here<'_> {
    fn drop(&mut self) {
        let mut crowd = self.crowd.0.lock();
        if let Some(count) = crowd.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                crowd.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::Scheme;

    #[test]
    fn counts_while_they_are_there() {
        let crowd = Crowd::default();
        let target = |host: &str| Target {
            scheme: Scheme::Https,
            host: host.to_owned(),
            port: 443,
        };
        let ip = IpAddr::from([127, 0, 0, 1]);
        let one = crowd.enter(ip, &target("a.test"));
        let _other = crowd.enter(ip, &target("b.test"));
        assert!(one.is_alone());
        let two = crowd.enter(ip, &target("A.test"));
        assert!(!one.is_alone() && !two.is_alone());
        drop(one);
        assert!(two.is_alone());
        drop(two);
        assert_eq!(crowd.0.lock().len(), 1);
    }
}
