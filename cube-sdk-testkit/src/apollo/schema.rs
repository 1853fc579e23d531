//! From the schema file to an executable schema: every field is resolved from the world's JSON.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use async_graphql::dynamic::{
    Enum, Field, FieldFuture, FieldValue, InputObject, InputValue, Interface, InterfaceField, Object, ResolverContext,
    Scalar, Schema, TypeRef, Union,
};
use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{
    BaseType, FieldDefinition, InputValueDefinition, Type, TypeKind, TypeSystemDefinition,
};
use async_graphql::{ErrorExtensions, Name};
use serde_json::{Map, Value};

use super::world::{Refusal, World};
use super::{SCHEMA, lock};

/// A value of an object type.
struct Node(Value);

#[derive(Clone, Copy, PartialEq)]
enum Class {
    Leaf,
    Object,
    Abstract,
}

type Classes = Arc<HashMap<String, Class>>;

pub(crate) fn build(world: &Arc<Mutex<World>>) -> Result<Schema, String> {
    let document = parse_schema(SCHEMA).map_err(|error| error.to_string())?;
    let types: Vec<_> = document
        .definitions
        .into_iter()
        .filter_map(|definition| match definition {
            TypeSystemDefinition::Type(definition) => Some(definition.node),
            _ => None,
        })
        .collect();
    let classes: Classes = Arc::new(
        types
            .iter()
            .map(|definition| {
                let class = match &definition.kind {
                    TypeKind::Object(_) => Class::Object,
                    TypeKind::Interface(_) | TypeKind::Union(_) => Class::Abstract,
                    _ => Class::Leaf,
                };
                (definition.name.node.to_string(), class)
            })
            .collect(),
    );
    let mut schema = Schema::build("Query", Some("Mutation"), None);
    for definition in types {
        let name = definition.name.node.to_string();
        schema =
            match definition.kind {
                TypeKind::Scalar => schema.register(Scalar::new(name)),
                TypeKind::Enum(kind) => {
                    let words = kind.values.iter().map(|value| value.node.value.node.to_string());
                    schema.register(Enum::new(name).items(words))
                }
                TypeKind::Union(kind) => {
                    let members = kind.members.iter().map(|member| member.node.to_string());
                    schema.register(members.fold(Union::new(name), Union::possible_type))
                }
                TypeKind::Interface(kind) => {
                    let fields = kind.fields.iter().map(|field| {
                        InterfaceField::new(field.node.name.node.to_string(), type_ref(&field.node.ty.node))
                    });
                    schema.register(fields.fold(Interface::new(name), Interface::field))
                }
                TypeKind::InputObject(kind) => {
                    let fields = kind.fields.iter().map(|field| input(&field.node));
                    schema.register(fields.fold(InputObject::new(name), InputObject::field))
                }
                TypeKind::Object(kind) => {
                    let object = kind.implements.iter().fold(Object::new(name.clone()), |object, interface| {
                        object.implement(interface.node.to_string())
                    });
                    let fields = kind.fields.iter().map(|definition| field(world, &classes, &name, &definition.node));
                    schema.register(fields.fold(object, Object::field))
                }
            };
    }
    schema.finish().map_err(|error| error.to_string())
}

fn type_ref(ty: &Type) -> TypeRef {
    let base = match &ty.base {
        BaseType::Named(name) => TypeRef::named(name.to_string()),
        BaseType::List(inner) => TypeRef::List(Box::new(type_ref(inner))),
    };
    if ty.nullable { base } else { TypeRef::NonNull(Box::new(base)) }
}

fn input(definition: &InputValueDefinition) -> InputValue {
    let value = InputValue::new(definition.name.node.to_string(), type_ref(&definition.ty.node));
    match &definition.default_value {
        Some(default) => value.default_value(default.node.clone()),
        None => value,
    }
}

fn field(world: &Arc<Mutex<World>>, classes: &Classes, owner: &str, definition: &FieldDefinition) -> Field {
    let name = definition.name.node.to_string();
    let (world, classes, owner, ty) = (world.clone(), classes.clone(), owner.to_owned(), definition.ty.node.clone());
    let field = Field::new(name.clone(), type_ref(&definition.ty.node), move |ctx| {
        let value = resolve(&world, &owner, &name, &ctx);
        let value = match value {
            Ok(value) => present(value, &ty, &classes),
            Err(refusal) => {
                ctx.ctx.add_error(ctx.ctx.set_error_path(error(refusal).into_server_error(ctx.ctx.item.pos)));
                None
            }
        };
        FieldFuture::new(async move { Ok(value) })
    });
    definition.arguments.iter().fold(field, |field, argument| field.argument(input(&argument.node)))
}

fn error(refusal: Refusal) -> async_graphql::Error {
    async_graphql::Error::new(refusal.message).extend_with(|_, extensions| {
        extensions.set("errorCode", refusal.code);
        extensions.set("errorName", refusal.name);
        extensions.set("parameters", async_graphql::Value::from_json(refusal.parameters.clone()).unwrap_or_default());
    })
}

fn resolve(world: &Mutex<World>, owner: &str, field: &str, ctx: &ResolverContext<'_>) -> Result<Value, Refusal> {
    let parent = ctx.parent_value.downcast_ref::<Node>().map_or(&Value::Null, |node| &node.0);
    let arguments: Map<String, Value> = ctx
        .args
        .as_index_map()
        .iter()
        .map(|(name, value): (&Name, _)| (name.to_string(), value.clone().into_json().unwrap_or_default()))
        .collect();
    let mut world = lock(world);
    match owner {
        "ApolloMutation" => world.mutate(field, &Value::Object(arguments)),
        _ => Ok(world.read(owner, field, parent, &arguments)),
    }
}

/// A JSON value as the executor wants it; none for null.
fn present(value: Value, ty: &Type, classes: &Classes) -> Option<FieldValue<'static>> {
    match (&ty.base, value) {
        (_, Value::Null) => None,
        (BaseType::List(inner), Value::Array(items)) => {
            let items = items.into_iter().map(|item| present(item, inner, classes).unwrap_or(FieldValue::NULL));
            Some(FieldValue::list(items))
        }
        (BaseType::List(_), _) => None,
        (BaseType::Named(name), value) => match classes.get(name.as_str()).copied().unwrap_or(Class::Leaf) {
            Class::Leaf => async_graphql::Value::from_json(value).ok().map(FieldValue::value),
            Class::Object => Some(FieldValue::owned_any(Node(value))),
            Class::Abstract => {
                let member = value["__typename"].as_str().unwrap_or_default().to_owned();
                Some(FieldValue::owned_any(Node(value)).with_type(member))
            }
        },
    }
}
