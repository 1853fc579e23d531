//! Many small ranges of one object in one call.

use std::ops::Range;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use cube_sdk_core::error::Sent;
use cube_sdk_core::{Error, ErrorKind, Result};
use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::sync::Semaphore;

use super::open::OpenObject;
use super::plan::LARGEST_PART;
use super::seek::block;
use super::source::{Answer, Got, Source};
use super::start::fetch_first;
use super::window::MOST;

/// Ranges that lie no further apart are fetched together: a request costs about as much as these bytes.
const NEAR: u64 = 256 * 1024;

/// Bytes that are fetched together, and which of the caller's ranges lie in them.
#[derive(Debug, PartialEq)]
struct Group {
    range: Range<u64>,
    members: Vec<usize>,
}

impl OpenObject {
    /// Reads many ranges at once, such as the tensors or column chunks that an index names: the bytes of each, in the order
    /// that was asked for. Ranges that lie near each other are fetched by one request, long ones by several; requests go in
    /// parallel, each leaves its row, and all are of the version that the first answer shows. Ranges may overlap.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let world = cube_sdk_testkit::aws::AwsWorld::builder().start().await?;
    /// # let card = world.card();
    /// # let storage = cube_sdk_byo::Storage::builder()
    /// #     .keys(&card.admin.access_key_id, card.admin.secret_access_key.clone(), None)
    /// #     .endpoint_url(card.endpoint_url.parse()?)
    /// #     .build()?;
    /// # let session = storage.own_session(&card.bucket, &card.region)?;
    /// # let uri = format!("s3://{}/{}", card.bucket, card.object_key);
    /// let tensors = session.open(uri).read_ranges(&[8..1_024, 90_000..98_192]).await?;
    /// assert_eq!(tensors[1].len(), 8_192);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// `InvalidInput` before anything is sent for an empty range, for more bytes than the budget, and for one that ends
    /// behind [`expect_size`](Self::expect_size); without it, for one that ends behind the object's end, as soon as the first
    /// answer tells the size. Otherwise as [`OpenObject::into_future`] and reading.
    pub async fn read_ranges(mut self, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let source = self.source()?;
        let named = |error: Error| error.with_target(source.uri.to_string());
        self.check_ranges(ranges).map_err(|error| named(error).with_sent(Sent::No))?;
        let groups = groups(ranges);
        let Some(first) = groups.first().and_then(|group| pieces(&group.range).next()) else { return Ok(Vec::new()) };
        let got = fetch_first(&source, &first).await?;
        let size = self.check_size(&source, &got).await?;
        within(ranges, size).map_err(named)?;
        let Got::Bytes(answer) = got else {
            return Err(named(refused("the range starts behind the end of the object")));
        };
        self.fetch(&source, ranges, groups, answer).await
    }

    fn check_ranges(&self, ranges: &[Range<u64>]) -> Result<()> {
        if self.range.is_some() || self.sha256.is_some() || self.verify_stored {
            return Err(refused("several ranges go with no other range, digest or checksum"));
        }
        if let Some(empty) = ranges.iter().find(|range| range.is_empty()) {
            return Err(refused(&format!("the range {empty:?} is empty")));
        }
        let wanted = ranges.iter().fold(0_u64, |sum, range| sum.saturating_add(range.end - range.start));
        if wanted > self.budget {
            let words = format!("the ranges hold {wanted} bytes, the budget is {}", self.budget);
            return Err(refused(&words).advice("allow a larger budget, or ask for fewer ranges at once"));
        }
        self.size.map_or(Ok(()), |size| within(ranges, size))
    }

    async fn fetch(
        &self,
        source: &Arc<Source>,
        ranges: &[Range<u64>],
        groups: Vec<Group>,
        first: Box<Answer>,
    ) -> Result<Vec<Bytes>> {
        // As many as fit into the budget.
        let most =
            usize::try_from(self.room() / LARGEST_PART).unwrap_or(MOST).clamp(1, self.concurrency.unwrap_or(MOST));
        let turns = Semaphore::new(most);
        let mut first = Some(first);
        let work = groups.into_iter().map(|group| {
            let (first, turns) = (first.take(), &turns);
            async move {
                let bytes = whole(source, &group.range, first, turns, most).await?;
                let cut = |member: usize| Some((member, cut(&bytes, &group.range, ranges.get(member)?)?));
                Ok::<Vec<_>, Error>(group.members.iter().filter_map(|member| cut(*member)).collect())
            }
        });
        let mut found = vec![Bytes::new(); ranges.len()];
        let mut done = stream::iter(work).buffer_unordered(most);
        while let Some(members) = done.try_next().await? {
            for (member, bytes) in members {
                if let Some(place) = found.get_mut(member) {
                    *place = bytes;
                }
            }
        }
        Ok(found)
    }
}

fn refused(why: &str) -> Error {
    Error::new(ErrorKind::InvalidInput, why)
}

fn within(ranges: &[Range<u64>], size: u64) -> Result<()> {
    match ranges.iter().find(|range| range.end > size) {
        Some(range) => Err(refused(&format!("the range {range:?} ends behind the object's {size} bytes"))),
        None => Ok(()),
    }
}

/// What is fetched together: every range lies in one group, and a group of several is no longer than a part.
fn groups(ranges: &[Range<u64>]) -> Vec<Group> {
    let mut order: Vec<usize> = (0..ranges.len()).collect();
    order.sort_by_key(|member| ranges.get(*member).map(|range| (range.start, range.end)));
    let mut groups: Vec<Group> = Vec::new();
    for member in order {
        let Some(range) = ranges.get(member).cloned() else { continue };
        match groups.last_mut() {
            Some(group)
                if range.start <= group.range.end.saturating_add(NEAR)
                    && (range.end <= group.range.end || range.end - group.range.start <= LARGEST_PART) =>
            {
                group.range.end = group.range.end.max(range.end);
                group.members.push(member);
            }
            _ => groups.push(Group { range, members: vec![member] }),
        }
    }
    groups
}

/// Requests for a group's bytes.
fn pieces(range: &Range<u64>) -> impl Iterator<Item = Range<u64>> + use<> {
    let end = range.end;
    std::iter::successors(Some(range.start), |start| start.checked_add(LARGEST_PART))
        .take_while(move |start| *start < end)
        .map(move |start| start..end.min(start.saturating_add(LARGEST_PART)))
}

/// The bytes of a group; `first` is the answer to its first piece, if that is there.
async fn whole(
    source: &Arc<Source>,
    range: &Range<u64>,
    mut first: Option<Box<Answer>>,
    turns: &Semaphore,
    most: usize,
) -> Result<Bytes> {
    let fetch = pieces(range).map(|piece| {
        let first = first.take();
        async move {
            // Closed never.
            let _turn = turns.acquire().await;
            block(Arc::clone(source), piece, first).await
        }
    });
    let mut parts: Vec<Bytes> = stream::iter(fetch).buffered(most).try_collect().await?;
    if parts.len() == 1 {
        return Ok(parts.pop().unwrap_or_default());
    }
    let mut all = BytesMut::with_capacity(parts.iter().map(Bytes::len).sum());
    parts.iter().for_each(|part| all.extend_from_slice(part));
    Ok(all.freeze())
}

/// One range of a group. A small one is copied: it would keep the whole group in memory.
fn cut(bytes: &Bytes, group: &Range<u64>, range: &Range<u64>) -> Option<Bytes> {
    let at = |offset: u64| usize::try_from(offset - group.start).ok();
    let (start, end) = (at(range.start)?, at(range.end)?);
    let slice = bytes.get(start..end)?;
    Some(if slice.len() * 2 < bytes.len() { Bytes::copy_from_slice(slice) } else { bytes.slice(start..end) })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn near_ranges_go_together_and_far_ones_do_not() {
        let found = groups(&[900..1_000, 0..10, 10 + NEAR + 900..10 + NEAR + 1_000, 10_000_000..10_000_001]);
        let ranges: Vec<_> = found.iter().map(|group| group.range.clone()).collect();
        assert_eq!(ranges, [0..NEAR + 1_010, 10_000_000..10_000_001]);
        assert_eq!(found[0].members, [1, 0, 2]);
        let long = pieces(&(5..LARGEST_PART * 2 + 6)).collect::<Vec<_>>();
        assert_eq!(
            long,
            [5..LARGEST_PART + 5, LARGEST_PART + 5..LARGEST_PART * 2 + 5, LARGEST_PART * 2 + 5..LARGEST_PART * 2 + 6]
        );
    }

    proptest! {
        #[test]
        fn every_range_lies_in_one_group(ranges in proptest::collection::vec((0u64..30_000_000, 1u64..6_000_000), 0..40)) {
            let ranges: Vec<_> = ranges.into_iter().map(|(start, length)| start..start + length).collect();
            let found = groups(&ranges);
            let mut members: Vec<_> = found.iter().flat_map(|group| group.members.clone()).collect();
            members.sort_unstable();
            prop_assert_eq!(members, (0..ranges.len()).collect::<Vec<_>>());
            for group in &found {
                for member in &group.members {
                    prop_assert!(group.range.start <= ranges[*member].start && ranges[*member].end <= group.range.end);
                }
                prop_assert!(group.members.len() == 1 || group.range.end - group.range.start <= LARGEST_PART.max(6_000_000));
                let covered: u64 = pieces(&group.range).map(|piece| piece.end - piece.start).sum();
                prop_assert_eq!(covered, group.range.end - group.range.start);
            }
        }
    }
}
