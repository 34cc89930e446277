//! The user and the password that clients have to give, where a person wants that: Basic (RFC 7617) from those that speak HTTP, RFC 1929 in
//! SOCKS5.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use std::{fmt, str::FromStr};
use subtle::ConstantTimeEq as _;

/// The longest user name, and the longest password: RFC 1929 section 2 counts them in one byte.
const MOST: usize = 255;

/// Who may use the proxy: `USER:PASSWORD`.
#[derive(Clone, PartialEq, Eq)]
pub struct ProxyUser {
    name: String,
    password: String,
}

impl ProxyUser {
    /// As it was written. With the password: nothing to show.
    pub fn with_password(&self) -> String {
        format!("{}:{}", self.name, self.password)
    }

    /// Whether these are its name and its password; how long that takes does not tell where they begin to differ.
    pub(crate) fn is(&self, name: &[u8], password: &[u8]) -> bool {
        let name = self.name.as_bytes().ct_eq(name);
        let password = self.password.as_bytes().ct_eq(password);
        (name & password).into()
    }

    /// Whether the value of `Proxy-Authorization` (RFC 9110 section 11.7.2) gives them.
    pub(crate) fn is_named_in(&self, authorization: &[u8]) -> bool {
        let Some((scheme, token)) = authorization.split_at_checked(6) else {
            return false;
        };
        if !scheme.eq_ignore_ascii_case(b"basic ") {
            return false;
        }
        let Ok(pair) = STANDARD.decode(token.trim_ascii()) else {
            return false;
        };
        let colon = memchr::memchr(b':', &pair);
        let split = colon.and_then(|at| Some((pair.get(..at)?, pair.get(at + 1..)?)));
        split.is_some_and(|(name, password)| self.is(name, password))
    }
}

impl FromStr for ProxyUser {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let split = text.split_once(':');
        let (name, password) = split.ok_or("write USER:PASSWORD, with a colon between them")?;
        for (what, part) in [("user name", name), ("password", password)] {
            if part.is_empty() {
                return Err(format!("the {what} is empty: write USER:PASSWORD"));
            }
            if part.len() > MOST {
                return Err(format!("the {what} is longer than {MOST} bytes"));
            }
            if part.chars().any(char::is_control) {
                return Err(format!("the {what} holds a control character"));
            }
        }
        Ok(Self {
            name: name.to_owned(),
            password: password.to_owned(),
        })
    }
}

/// Without the password.
impl fmt::Display for ProxyUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.name, crate::upstream::MASK)
    }
}

/// Without the password.
impl fmt::Debug for ProxyUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ProxyUser({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_gives_name_and_password_is_let_in() {
        let user: ProxyUser = "ann:a:b".parse().expect("a user");
        let says = |pair: &str| {
            let value = format!("Basic {}", STANDARD.encode(pair));
            user.is_named_in(value.as_bytes())
        };
        assert!(says("ann:a:b"));
        for wrong in ["ann:a", "ann:a:c", "an:a:b", "ann", "", "ann:", ":a:b"] {
            assert!(!says(wrong), "{wrong:?}");
        }
        let token = STANDARD.encode("ann:a:b");
        assert!(user.is_named_in(format!("bAsIC  {token} ").as_bytes()));
        for wrong in [
            &b""[..],
            b"Basic",
            b"Basic ",
            b"Basic ?",
            b"Bearer YW5uOmE6Yg==",
        ] {
            assert!(!user.is_named_in(wrong), "{wrong:?}");
        }
    }

    #[test]
    fn a_password_is_not_shown() {
        let user: ProxyUser = "ann:secret".parse().expect("a user");
        assert_eq!(user.to_string(), "ann:***");
        assert!(!format!("{user:?}").contains("secret"));
        assert_eq!(user.with_password(), "ann:secret");
        let long = format!("ann:{}", "x".repeat(256));
        for wrong in ["", "ann", ":x", "ann:", "an\n:x", &long] {
            assert!(wrong.parse::<ProxyUser>().is_err(), "{wrong:?}");
        }
    }
}
