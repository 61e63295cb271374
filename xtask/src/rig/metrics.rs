//! Samples of the Prometheus text format.

/// One sample.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Name of the metric.
    pub name: String,
    /// Labels as they are written, without the braces.
    pub labels: String,
    /// Value.
    pub value: f64,
}

/// Reads every sample of a scrape; comments and lines that are no sample are left out.
pub fn parse(text: &str) -> Vec<Sample> {
    text.lines().filter_map(sample).collect()
}

/// Sum of a metric over its labels.
pub fn sum(samples: &[Sample], name: &str) -> f64 {
    samples
        .iter()
        .filter(|sample| sample.name == name)
        .map(|sample| sample.value)
        .sum()
}

/// What was added since an earlier scrape.
pub fn since(earlier: &[Sample], samples: Vec<Sample>) -> Vec<Sample> {
    let before = |sample: &Sample| {
        let same = earlier
            .iter()
            .find(|earlier| earlier.name == sample.name && earlier.labels == sample.labels);
        same.map_or(0.0, |earlier| earlier.value)
    };
    let added = samples.into_iter().map(|sample| Sample {
        value: sample.value - before(&sample),
        ..sample
    });
    added.filter(|sample| sample.value > 0.0).collect()
}

fn sample(line: &str) -> Option<Sample> {
    if line.starts_with('#') {
        return None;
    }
    let (series, value) = line.rsplit_once(' ')?;
    let (name, labels) = match series.split_once('{') {
        Some((name, labels)) => (name, labels.strip_suffix('}')?),
        None => (series, ""),
    };
    Some(Sample {
        name: name.to_owned(),
        labels: labels.to_owned(),
        value: value.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_over_labels() {
        let text = "# HELP l x\n# TYPE l counter\nl{stage=\"a b\",reason=\"c\"} 2\nl{stage=\"d\"} 3\nm 5\n";
        let samples = parse(text);
        assert_eq!(samples.len(), 3);
        assert!((sum(&samples, "l") - 5.0).abs() < f64::EPSILON);
        assert_eq!(samples[0].labels, "stage=\"a b\",reason=\"c\"");
    }

    #[test]
    fn what_was_there_before_is_not_added() {
        let earlier = parse("l{r=\"a\"} 2\nl{r=\"b\"} 1\n");
        let added = since(&earlier, parse("l{r=\"a\"} 2\nl{r=\"b\"} 4\nl{r=\"c\"} 1\n"));
        assert_eq!(added, parse("l{r=\"b\"} 3\nl{r=\"c\"} 1\n"));
    }
}
