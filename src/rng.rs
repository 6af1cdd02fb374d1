//! One seed, named substreams.
//!
//! Every random choice of a scenario draws from a stream named after its purpose, so that adding a new user of
//! randomness never shifts the numbers of another. Integers only; distributions live with their users.

/// `SplitMix64`: Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
#[derive(Clone, Debug)]
pub struct Rng {
    state: u64,
}

impl Rng {
    /// The stream called `name` of the scenario's `seed`. The same pair gives the same numbers on every machine.
    pub fn substream(seed: u64, name: &str) -> Self {
        // FNV-1a over the name separates the streams.
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        for byte in name.bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        let mut rng = Self { state: seed ^ hash };
        // One step decorrelates neighbouring seeds.
        rng.state = rng.next_u64();
        rng
    }

    /// The next 64 uniformly distributed bits.
    pub fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A uniform integer below `bound`, by multiplication and shift (bias below 2⁻³² for bounds under 2³²).
    ///
    /// # Panics
    /// If `bound` is zero.
    pub fn below(&mut self, bound: u32) -> u32 {
        assert!(bound > 0, "a random number below zero was asked for");
        (((self.next_u64() >> 32) * u64::from(bound)) >> 32) as u32
    }

    /// A uniform number in [0, 1) with 53 random bits.
    pub fn unit(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 * (1.0 / (1_u64 << 53) as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::Rng;

    #[test]
    fn streams_repeat_and_differ_by_name() {
        let draw = |seed, name| Rng::substream(seed, name).next_u64();
        assert_eq!(draw(7, "defects"), draw(7, "defects"));
        assert_ne!(draw(7, "defects"), draw(7, "fleet"));
        assert_ne!(draw(7, "defects"), draw(8, "defects"));
    }

    #[test]
    fn below_covers_its_range_evenly() {
        let mut rng = Rng::substream(1, "test");
        let mut counts = [0_u32; 10];
        for _ in 0..100_000 {
            counts[rng.below(10) as usize] += 1;
        }
        // Five standard deviations of a binomial with n = 100 000 and p = 0.1 are 475.
        assert!(counts.iter().all(|&count| count.abs_diff(10_000) < 475), "{counts:?}");
    }
}
