//! Which device asks, by its `User-Agent`.

/// A kind of device with steps of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Device {
    Ios,
    Macos,
    Android,
    Windows,
    Linux,
    /// Firefox on a computer: it has certificates and proxy settings of its own.
    Firefox,
}

impl Device {
    pub(super) const ALL: [Self; 6] = [
        Self::Ios,
        Self::Android,
        Self::Macos,
        Self::Windows,
        Self::Linux,
        Self::Firefox,
    ];

    /// As in `?device=`.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Ios => "ios",
            Self::Macos => "macos",
            Self::Android => "android",
            Self::Windows => "windows",
            Self::Linux => "linux",
            Self::Firefox => "firefox",
        }
    }

    /// For a person.
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Ios => "iPhone and iPad",
            Self::Macos => "Mac",
            Self::Android => "Android",
            Self::Windows => "Windows",
            Self::Linux => "Linux",
            Self::Firefox => "Firefox",
        }
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|device| device.name() == name)
    }

    /// The device with this `User-Agent`. An iPad says that it is a Mac; the page's script knows better.
    pub(super) fn from_user_agent(agent: &str) -> Self {
        let has = |words: &[&str]| words.iter().any(|word| agent.contains(word));
        if has(&["iPhone", "iPad", "iPod", "CFNetwork"]) && !has(&["Macintosh"]) {
            Self::Ios
        } else if has(&["Android"]) {
            Self::Android
        } else if has(&["Firefox/"]) {
            Self::Firefox
        } else if has(&["Macintosh", "Mac OS X"]) {
            Self::Macos
        } else if has(&["Windows"]) {
            Self::Windows
        } else {
            Self::Linux
        }
    }

    /// A phone or tablet: it is never the machine that the proxy runs on.
    pub(super) fn is_mobile(self) -> bool {
        matches!(self, Self::Ios | Self::Android)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_say_where_they_run() {
        for (agent, device) in [
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1",
                Device::Ios,
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) FxiOS/140.0 Mobile/15E148 Safari/604.1",
                Device::Ios,
            ),
            (
                "Mozilla/5.0 (iPad; CPU OS 12_5 like Mac OS X) AppleWebKit/605.1.15",
                Device::Ios,
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15",
                Device::Macos,
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:140.0) Gecko/20100101 Firefox/140.0",
                Device::Firefox,
            ),
            (
                "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/137.0.0.0 Mobile Safari/537.36",
                Device::Android,
            ),
            (
                "Mozilla/5.0 (Android 15; Mobile; rv:140.0) Gecko/140.0 Firefox/140.0",
                Device::Android,
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/137.0.0.0 Safari/537.36",
                Device::Windows,
            ),
            (
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/137.0.0.0 Safari/537.36",
                Device::Linux,
            ),
            (
                "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
                Device::Firefox,
            ),
            ("curl/8.14.1", Device::Linux),
            ("", Device::Linux),
        ] {
            assert_eq!(Device::from_user_agent(agent), device, "{agent}");
        }
    }

    #[test]
    fn names_are_found_again() {
        for device in Device::ALL {
            assert_eq!(Device::from_name(device.name()), Some(device));
        }
        assert_eq!(Device::from_name("<script>"), None);
    }
}
