//! How a quantity is spread: count, least, most, mean, standard deviation.

/// Samples of a time in nanoseconds; only their sums are kept.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Spread {
    /// How many.
    pub samples: u64,
    /// The least.
    pub min: i64,
    /// The most.
    pub max: i64,
    sum: f64,
    squares: f64,
}

impl Spread {
    pub(super) fn add(&mut self, value: i64) {
        let value = value.max(0);
        self.min = if self.samples == 0 {
            value
        } else {
            self.min.min(value)
        };
        self.max = self.max.max(value);
        self.samples += 1;
        self.sum += value as f64;
        self.squares += value as f64 * value as f64;
    }

    /// The mean; none without samples.
    pub fn mean(&self) -> Option<f64> {
        (self.samples > 0).then(|| self.sum / self.samples as f64)
    }

    /// The standard deviation of the population that these are samples of; none with less than two.
    pub fn deviation(&self) -> Option<f64> {
        if self.samples < 2 {
            return None;
        }
        let count = self.samples as f64;
        let variance = (self.squares - self.sum * self.sum / count) / (count - 1.0);
        Some(variance.max(0.0).sqrt())
    }
}
