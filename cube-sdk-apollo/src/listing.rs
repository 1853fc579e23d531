//! Apollo's pages as core's one list type.

use std::future::Future;
use std::sync::Arc;

use cube_sdk_core::Result;
use cube_sdk_core::listing::{Batch, Fetched, Listing};
use serde_json::Value;

use crate::answer::Answer;
use crate::client::Apollo;
use crate::graphql::{Paged, Request, wire};
use crate::mode::Mode;
use crate::model::Environment;

/// Where a page stands in a reply, and what identifies an item.
#[derive(Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) page: &'static str,
    pub(crate) list: &'static str,
    pub(crate) identity: &'static [&'static str],
}

/// What identifies things that have ids.
pub(crate) const BY_ID: &[&str] = &["id", "rid"];

/// The entities of an environment.
const ENTITIES: &str = "/apollo/environmentById/entities";

type Ask = Box<dyn Fn(Option<&str>) -> Result<Request> + Send + Sync>;
type ReadPage<T> = Box<dyn Fn(&Answer, Place) -> Result<Fetched<T>> + Send + Sync>;

/// Where a page stands in its list.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(crate) enum Place {
    First,
    /// Asked for by a token: it must be there.
    Later,
}

impl Place {
    fn of(token: Option<&str>) -> Self {
        if token.is_some() { Self::Later } else { Self::First }
    }
}

/// How pages are asked for and read, once names are resolved.
pub(crate) struct Source<T> {
    request: Ask,
    page: ReadPage<T>,
}

impl<T> Source<T> {
    /// Pages that are read whole.
    pub(crate) fn pages(
        request: impl Fn(Option<&str>) -> Result<Request> + Send + Sync + 'static,
        page: impl Fn(&Answer, Place) -> Result<Fetched<T>> + Send + Sync + 'static,
    ) -> Self {
        Self { request: Box::new(request), page: Box::new(page) }
    }

    /// Pages of items, read one by one.
    pub(crate) fn items(
        shape: Shape,
        request: impl Fn(Option<&str>) -> Result<Request> + Send + Sync + 'static,
        item: impl Fn(&Value, &Answer) -> Result<T> + Send + Sync + 'static,
    ) -> Self {
        Self::some_items(shape, request, move |value, answer| item(value, answer).map(Some))
    }

    /// Pages of items, of which the reader leaves some out.
    pub(crate) fn some_items(
        shape: Shape,
        request: impl Fn(Option<&str>) -> Result<Request> + Send + Sync + 'static,
        item: impl Fn(&Value, &Answer) -> Result<Option<T>> + Send + Sync + 'static,
    ) -> Self {
        Self::pages(request, move |answer, _| shape.read(answer, &item))
    }
}

impl Shape {
    fn read<T>(self, answer: &Answer, item: &impl Fn(&Value, &Answer) -> Result<Option<T>>) -> Result<Fetched<T>> {
        let Some(page) = answer.at(self.page).filter(|page| page.is_object()) else { return self.missing(answer) };
        let Some(list) = page.get(self.list).and_then(Value::as_array) else { return Ok(Fetched::Absent) };
        let token = answer.next_page(page.get("nextPageToken"));
        let (next, broken) = match token {
            Ok(next) => (next, None),
            Err(error) => (None, Some(error)),
        };
        let mut batch = Batch::new(next).bytes(answer.bytes);
        for value in list {
            let mut names = self.identity.iter().enumerate();
            let identity = names.find_map(|(index, name)| {
                value.get(name)?.as_str().filter(|text| !text.is_empty()).map(|text| (index, text))
            });
            if !value.is_object() {
                batch.skip();
                continue;
            }
            let Some(item) = item(value, answer).transpose() else { continue };
            match identity {
                Some(identity) => batch.push_identified(&identity, item),
                None => batch.push(item),
            }
        }
        if let Some(error) = broken {
            batch.push(Err(error));
        }
        Ok(batch.into())
    }

    /// No page: what should hold it is gone, or the reply lacks it.
    fn missing<T>(self, answer: &Answer) -> Result<Fetched<T>> {
        let holder = self.page.rsplit_once('/').map_or("", |(holder, _)| holder);
        let what = match holder {
            "/apollo/environmentById" => "environment",
            "/apollo/productByProductIdV2" => "product",
            _ => return Ok(Fetched::Absent),
        };
        let is_null = answer.data.pointer(holder).is_some_and(Value::is_null);
        if is_null && answer.fault.is_none() { Err(answer.not_found(what)) } else { Ok(Fetched::Absent) }
    }
}

/// A list for callers: `prepare` resolves names before the first page.
pub(crate) fn list<T, F>(apollo: &Apollo, prepare: impl FnOnce(Mode) -> F + Send + 'static) -> Listing<T>
where
    T: Send + 'static,
    F: Future<Output = Result<Source<T>>> + Send + 'static,
{
    let apollo = apollo.clone();
    Listing::prepared(None, move |options| {
        let mode = if options.partial { Mode::partial(&apollo) } else { Mode::strict(&apollo) };
        let source = prepare(mode.clone());
        async move {
            let source = Arc::new(source.await?);
            Ok(move |token: Option<String>| {
                let (mode, source) = (mode.clone(), source.clone());
                async move {
                    let mut request = (source.request)(token.as_deref())?;
                    if let Some(size) = options.page_size {
                        request = request.page_size(size);
                    }
                    let operation = request.operation;
                    let answer = mode.send(&request).await?;
                    let mut page = (source.page)(&answer, Place::of(token.as_deref()))?;
                    if let (Fetched::Page(page), Some(fault)) = (&mut page, mode.take_fault()) {
                        page.beside(fault.into_error(operation));
                    }
                    Ok(page)
                }
            })
        }
    })
}

/// A list that is part of a read, in its mode.
pub(crate) fn list_in<T: Send + 'static>(mode: &Mode, source: Source<T>) -> Listing<T> {
    let (mode, source) = (mode.clone(), Arc::new(source));
    Listing::new(None, move |token: Option<String>| {
        let (mode, source) = (mode.clone(), source.clone());
        async move {
            let answer = mode.send(&(source.request)(token.as_deref())?).await?;
            (source.page)(&answer, Place::of(token.as_deref()))
        }
    })
}

/// The entities of an environment, read with one document.
pub(crate) fn entities<D: Paged, T: Send + 'static>(
    environment: &Environment,
    identity: &'static [&'static str],
    variables: impl Fn(String) -> D::Variables + Send + Sync + 'static,
    item: impl Fn(wire::Entity, &Environment, &Answer) -> Result<T> + Send + Sync + 'static,
) -> Source<T> {
    some_entities::<D, T>(environment, identity, variables, move |wire, environment, answer| {
        item(wire, environment, answer).map(Some)
    })
}

/// The same without those that the reader leaves out.
pub(crate) fn some_entities<D: Paged, T: Send + 'static>(
    environment: &Environment,
    identity: &'static [&'static str],
    variables: impl Fn(String) -> D::Variables + Send + Sync + 'static,
    item: impl Fn(wire::Entity, &Environment, &Answer) -> Result<Option<T>> + Send + Sync + 'static,
) -> Source<T> {
    let shape = Shape { page: ENTITIES, list: "entities", identity };
    let (asked, environment) = (environment.clone(), environment.clone());
    Source::some_items(
        shape,
        move |token| Ok(Request::page::<D>(variables(asked.id.to_string()), token)?.about(asked.name.as_str())),
        move |value, answer| item(answer.parse(value)?, &environment, answer),
    )
}

/// The entity pages of an environment, each with what stands beside it.
pub(crate) fn entity_pages<D: Paged>(
    environment: &Environment,
    variables: impl Fn(String) -> D::Variables + Send + Sync + 'static,
) -> Source<wire::Environment> {
    let environment = environment.clone();
    Source::pages(
        move |token| {
            Ok(Request::page::<D>(variables(environment.id.to_string()), token)?.about(environment.name.as_str()))
        },
        |answer, _| {
            let page: wire::Environment =
                answer.read("/apollo/environmentById")?.ok_or_else(|| answer.not_found("environment"))?;
            let Some(entities) = &page.entities else { return Ok(Fetched::Absent) };
            if entities.entities.is_none() {
                return Ok(Fetched::Absent);
            }
            let mut batch = Batch::new(answer.next_page(entities.next_page_token.as_ref())?).bytes(answer.bytes);
            batch.push(Ok(page));
            Ok(batch.into())
        },
    )
}
