//! When the probes of a search stand.

use std::time::{Duration, Instant};

/// How long the probes stand at first: whoever is busy shows up at once.
const FIRST: Duration = Duration::from_secs(3);
/// How long they stand since somebody asked. A connection that writes nothing meanwhile keeps its socket to itself.
const TIME: Duration = Duration::from_mins(1);
/// How long there are none afterwards, whoever asks: some programs never use a socket within such a call.
const REST: Duration = Duration::from_mins(5);

/// How long calls that began with the probes may take to return.
const LAST: Duration = Duration::from_secs(2);

/// Whether sockets of a library's connections are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Schedule {
    /// Nobody asked.
    Idle,
    /// They are, until then.
    Running { until: Instant, asked: bool },
    /// Nothing sees calls begin any more, and until then something sees them return.
    Ending { until: Instant, asked: bool },
    /// They are not until then, whoever asks.
    Resting { until: Instant, asked: bool },
}

/// What is to be done with the probes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// They are attached.
    Attach,
    /// Those that see calls begin are taken away.
    LetReturn,
    /// The others are, too.
    Detach,
}

impl Schedule {
    /// The probes were attached together with those of the library.
    pub(super) fn first(now: Instant) -> Self {
        Self::Running {
            until: now + FIRST,
            asked: false,
        }
    }

    /// A connection has a socket that is not known.
    pub(super) fn ask(&mut self, now: Instant) {
        match self {
            Self::Idle => {
                *self = Self::Resting {
                    until: now,
                    asked: true,
                };
            }
            Self::Running { asked: true, .. } => {}
            Self::Running { until, asked } => (*until, *asked) = (now + TIME, true),
            Self::Ending { asked, .. } | Self::Resting { asked, .. } => *asked = true,
        }
    }

    /// What is due now.
    pub(super) fn go_on(&mut self, now: Instant) -> Option<Due> {
        match *self {
            Self::Running { until, asked } if until <= now => {
                *self = Self::Ending {
                    until: now + LAST,
                    asked,
                };
                Some(Due::LetReturn)
            }
            Self::Ending { until, asked } if until <= now => {
                *self = if asked {
                    Self::Resting {
                        until: now + REST,
                        asked: false,
                    }
                } else {
                    Self::Idle
                };
                Some(Due::Detach)
            }
            Self::Resting { until, asked: true } if until <= now => {
                *self = Self::Running {
                    until: now + TIME,
                    asked: true,
                };
                Some(Due::Attach)
            }
            Self::Resting { until, asked: false } if until <= now => {
                *self = Self::Idle;
                None
            }
            Self::Idle | Self::Running { .. } | Self::Ending { .. } | Self::Resting { .. } => None,
        }
    }

    /// The probes could not be attached. Who asked still waits, but it is not tried at once again.
    pub(super) fn refused(&mut self, now: Instant) {
        *self = Self::Resting {
            until: now + REST,
            asked: true,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOMENT: Duration = Duration::from_millis(1);

    /// What is due in the first moment after each of these times, in seconds since `start`.
    fn due(schedule: &mut Schedule, start: Instant, seconds: &[u64]) -> Vec<Option<Due>> {
        let moment = |after: &u64| start + Duration::from_secs(*after) + MOMENT;
        seconds
            .iter()
            .map(|after| schedule.go_on(moment(after)))
            .collect()
    }

    #[test]
    fn the_first_search_ends_by_itself() {
        let start = Instant::now();
        let mut schedule = Schedule::first(start);
        let found = due(&mut schedule, start, &[0, 2, 3, 4, 5, 6]);
        assert_eq!(
            found,
            [None, None, Some(Due::LetReturn), None, Some(Due::Detach), None]
        );
        assert_eq!(schedule, Schedule::Idle);
    }

    #[test]
    fn who_asks_an_idle_one_is_looked_for_at_once() {
        let start = Instant::now();
        let mut schedule = Schedule::Idle;
        schedule.ask(start);
        let found = due(&mut schedule, start, &[0, 59, 60, 62, 361]);
        assert_eq!(
            found,
            [
                Some(Due::Attach),
                None,
                Some(Due::LetReturn),
                Some(Due::Detach),
                None
            ]
        );
    }

    #[test]
    fn who_asks_the_first_search_makes_it_last() {
        let start = Instant::now();
        let mut schedule = Schedule::first(start);
        schedule.ask(start + Duration::from_secs(1));
        assert_eq!(
            due(&mut schedule, start, &[3, 60, 61]),
            [None, None, Some(Due::LetReturn)]
        );
    }

    #[test]
    fn one_search_lasts_no_longer_however_many_ask() {
        let start = Instant::now();
        let mut schedule = Schedule::Idle;
        for second in 0..60 {
            let now = start + Duration::from_secs(second);
            schedule.ask(now);
            schedule.go_on(now);
        }
        assert_eq!(due(&mut schedule, start, &[60]), [Some(Due::LetReturn)]);
    }

    #[test]
    fn who_asks_during_rest_waits_until_it_is_over() {
        let start = Instant::now();
        let mut schedule = Schedule::Idle;
        schedule.ask(start);
        due(&mut schedule, start, &[0, 60, 62]);
        schedule.ask(start + Duration::from_secs(100));
        assert_eq!(
            due(&mut schedule, start, &[100, 361, 363]),
            [None, None, Some(Due::Attach)]
        );
    }

    #[test]
    fn rest_that_nobody_ends_leads_to_none() {
        let start = Instant::now();
        let mut schedule = Schedule::Idle;
        schedule.ask(start);
        due(&mut schedule, start, &[0, 60, 62, 363]);
        assert_eq!(schedule, Schedule::Idle);
    }

    #[test]
    fn a_refused_search_is_tried_again_after_rest_alone() {
        let start = Instant::now();
        let mut schedule = Schedule::Idle;
        schedule.ask(start);
        assert_eq!(due(&mut schedule, start, &[0]), [Some(Due::Attach)]);
        schedule.refused(start);
        schedule.ask(start);
        assert_eq!(
            due(&mut schedule, start, &[0, 299, 300]),
            [None, None, Some(Due::Attach)]
        );
    }
}
