//! Which TLS is opened, which is passed through unread, and which is refused: by host, as a person says it.

use super::pins::Pins;
use crate::options::TlsOptions;
use arc_swap::ArcSwap;
use overhear_store::filter::HostPattern;
use std::{fmt, str::FromStr};

/// What becomes of TLS with a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsChoice {
    /// It is ended on both sides and read.
    Intercept,
    /// It is relayed byte for byte, unread.
    Pass,
    /// It is refused.
    Block,
}

/// A choice for some hosts: `*.bank.example=pass`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsRule {
    text: String,
    hosts: HostPattern,
    choice: TlsChoice,
}

/// What was decided, and who said so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Decided {
    pub(crate) choice: TlsChoice,
    pub(crate) why: Why,
}

/// Who said what becomes of a host's TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Why {
    /// Nobody.
    Usual,
    /// This setting.
    Setting(String),
    /// A person, for this run.
    Person,
    /// This program: a client kept refusing our certificate, and a person has allowed that.
    Pinned,
}

/// Everything that is decided by.
#[derive(Debug, Default)]
pub(crate) struct Policy {
    pub(crate) rules: ArcSwap<Vec<TlsRule>>,
    pub(crate) pins: Pins,
}

impl Policy {
    pub(crate) fn new(options: TlsOptions) -> Self {
        let policy = Self {
            rules: ArcSwap::from_pointee(options.rules),
            pins: Pins::default(),
        };
        policy.pins.set_automatic(options.pass_pinned);
        policy
    }

    /// Whether there is nothing to decide: all is read.
    pub(crate) fn is_empty(&self) -> bool {
        self.rules.load().is_empty() && self.pins.passing().is_empty()
    }

    /// What becomes of TLS with a server that is asked for as `name` and was named `target`. Of the settings the first
    /// that fits counts; they stand above what was chosen host by host.
    pub(crate) fn decide(&self, name: &str, target: &str) -> Decided {
        let rules = self.rules.load();
        let fits = |rule: &&TlsRule| rule.hosts.matches(name) || rule.hosts.matches(target);
        if let Some(rule) = rules.iter().find(fits) {
            return Decided {
                choice: rule.choice,
                why: Why::Setting(rule.text.clone()),
            };
        }
        match self.pins.is_passing(name) {
            Some(automatic) => Decided {
                choice: TlsChoice::Pass,
                why: if automatic { Why::Pinned } else { Why::Person },
            },
            None => Decided {
                choice: TlsChoice::Intercept,
                why: Why::Usual,
            },
        }
    }
}

impl FromStr for TlsRule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let wrong = || {
            format!(
                "{text:?} says nothing about TLS: write HOST=intercept, HOST=pass or HOST=block"
            )
        };
        let (hosts, choice) = HostPattern::split(text, "");
        let choice = match choice {
            "intercept" => TlsChoice::Intercept,
            "pass" => TlsChoice::Pass,
            "block" => TlsChoice::Block,
            _ => return Err(wrong()),
        };
        Ok(Self {
            text: text.to_owned(),
            hosts: hosts.ok_or_else(wrong)?.parse()?,
            choice,
        })
    }
}

impl fmt::Display for TlsRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(rules: &[&str]) -> Policy {
        let rules = rules.iter().map(|rule| rule.parse().expect(rule)).collect();
        Policy {
            rules: ArcSwap::from_pointee(rules),
            pins: Pins::default(),
        }
    }

    #[test]
    fn the_first_that_fits_counts() {
        let policy = policy(&["api.bank.test=intercept", "bank.test=pass", "10.0.*=block"]);
        let choice = |name: &str, target: &str| policy.decide(name, target).choice;
        assert_eq!(
            choice("api.bank.test", "api.bank.test"),
            TlsChoice::Intercept
        );
        assert_eq!(choice("www.bank.test", "192.0.2.1"), TlsChoice::Pass);
        assert_eq!(choice("a.test", "10.0.3.4"), TlsChoice::Block);
        assert_eq!(choice("a.test", "a.test"), TlsChoice::Intercept);
        let why = policy.decide("bank.test", "bank.test").why;
        assert_eq!(why, Why::Setting("bank.test=pass".to_owned()));
        for wrong in ["", "pass", "a.test=", "a.test=maybe", "=pass", "a:1=pass"] {
            assert!(wrong.parse::<TlsRule>().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn settings_stand_above_what_was_chosen_for_a_host() {
        let policy = policy(&["a.test=block"]);
        assert!(!policy.is_empty());
        for host in ["a.test", "b.test"] {
            policy.pins.pass(host, true);
        }
        assert_eq!(policy.decide("a.test", "a.test").choice, TlsChoice::Block);
        let decided = policy.decide("B.test", "x");
        assert_eq!(
            (decided.choice, decided.why),
            (TlsChoice::Pass, Why::Person)
        );
    }
}
