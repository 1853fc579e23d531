//! Users, workspaces, plans and the roles of members.

use std::fmt;
use std::str::FromStr;

use cube_sdk_core::{Clock, Error, ErrorKind, Result, SecretString};
use serde::{Serialize, Serializer};

use super::engine::{reading, transaction, writing};
use super::{EdgeGateStore, Id, Time, failed, failing};

const KEEP_MEMBER: &str = "INSERT INTO members (workspace_id, user_id, role) VALUES ($1, $2, $3)
     ON CONFLICT (workspace_id, user_id) DO UPDATE SET role = excluded.role";

/// The plan of a workspace, lowest first. BYO storage needs [`Plan::Enterprise`], API keys [`Plan::Pro`].
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum Plan {
    /// `free`
    Free,
    /// `pro`
    Pro,
    /// `team`
    Team,
    /// `enterprise`
    Enterprise,
}

/// What a member may do, least first (EdgeGate REST, "Roles").
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum Role {
    /// Reads.
    Viewer,
    /// Also pipelines, runs, registering artifacts, the audit.
    Admin,
    /// Everything: the grant, API keys.
    Owner,
}

macro_rules! word {
    ($name:ident, $what:literal, { $($variant:ident => $word:literal),+ }) => {
        impl $name {
            /// The word on the wire.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl FromStr for $name {
            type Err = Error;

            fn from_str(text: &str) -> Result<Self> {
                match text {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(Error::new(ErrorKind::InvalidInput, format!("`{}` is no {}", text.escape_debug(), $what))
                        .advice(concat!("use one of:" $(, " ", $word)+))),
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = Error;

            fn try_from(text: String) -> Result<Self> {
                text.parse()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, out: S) -> std::result::Result<S::Ok, S::Error> {
                out.serialize_str(self.as_str())
            }
        }
    };
}

word!(Plan, "plan", { Free => "free", Pro => "pro", Team => "team", Enterprise => "enterprise" });
word!(Role, "role", { Viewer => "viewer", Admin => "admin", Owner => "owner" });

/// A workspace that was just made, with the one key that opens it.
#[derive(Debug)]
#[non_exhaustive]
pub struct NewWorkspace {
    /// The workspace's id, a UUID.
    pub id: String,
    /// The owner's user id, a UUID.
    pub owner_id: String,
    /// The owner's API key. It is shown this once: only its hash is kept.
    pub api_key: SecretString,
}

#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct WorkspaceRow {
    pub(crate) id: Id,
    pub(crate) name: String,
    pub(crate) owner_id: Id,
    #[sqlx(try_from = "String")]
    pub(crate) plan: Plan,
    /// The caller's role in it.
    #[sqlx(try_from = "String")]
    pub(crate) role: Role,
}

/// Who a key acts as.
#[derive(Clone, Copy, Debug)]
pub(crate) struct User {
    pub(crate) id: Id,
}

impl EdgeGateStore {
    /// Makes a workspace and one API key of its owner; the user is made when the e-mail address is new.
    ///
    /// # Errors
    /// `InvalidInput` for an empty name or an address without `@`; `Io` when the database cannot be written.
    pub async fn create_workspace(
        &self,
        name: &str,
        plan: Plan,
        owner_email: &str,
        clock: Clock,
    ) -> Result<NewWorkspace> {
        if name.is_empty() || name.chars().count() > 255 {
            return Err(Error::new(ErrorKind::InvalidInput, "a workspace's name has 1 to 255 characters"));
        }
        let now = Time::from(clock.now());
        let owner = self.user(owner_email, now).await?;
        let id = Id::random();
        self.keep_workspace(id, name, plan, owner, now).await?;
        let key = self.mint_key(id, owner, "first key", None, now).await?;
        Ok(NewWorkspace { id: id.to_string(), owner_id: owner.to_string(), api_key: key.plaintext })
    }

    /// Stores a workspace whose id is given, with its owner; one that is known already stays as it is.
    pub(crate) async fn keep_workspace(&self, id: Id, name: &str, plan: Plan, owner: Id, now: Time) -> Result<()> {
        let doing = failing("making a workspace");
        transaction!(self, id, &doing, tx => {
            sqlx::query("INSERT INTO workspaces (id, name, owner_id, plan, created_at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (id) DO NOTHING")
                .bind(id)
                .bind(name)
                .bind(owner)
                .bind(plan.as_str())
                .bind(now)
                .execute(&mut *tx)
                .await
                .map_err(&doing)?;
            sqlx::query(KEEP_MEMBER)
                .bind(id)
                .bind(owner)
                .bind(Role::Owner.as_str())
                .execute(&mut *tx)
                .await
                .map_err(&doing)?;
            tx.commit().await.map_err(&doing)
        })
    }

    /// Makes someone a member of a workspace, or changes their role, and mints a key for them there.
    ///
    /// # Errors
    /// `NotFound` for an unknown workspace; `InvalidInput` for an address without `@`; `Io` otherwise.
    pub async fn add_member(&self, workspace: &str, email: &str, role: Role, clock: Clock) -> Result<SecretString> {
        let workspace = self.known_workspace(workspace).await?;
        let now = Time::from(clock.now());
        let user = self.user(email, now).await?;
        self.keep_membership(workspace, user, role).await?;
        Ok(self.mint_key(workspace, user, "member's first key", None, now).await?.plaintext)
    }

    /// Moves a workspace to another plan. Below Enterprise every BYO call answers 402 and reads stop.
    ///
    /// # Errors
    /// `NotFound` for an unknown workspace; `Io` when the database cannot be written.
    pub async fn set_plan(&self, workspace: &str, plan: Plan) -> Result<()> {
        let workspace = self.known_workspace(workspace).await?;
        writing!(self, pool => sqlx::query("UPDATE workspaces SET plan = $1 WHERE id = $2")
            .bind(plan.as_str())
            .bind(workspace)
            .execute(pool)
            .await
            .map(|done| done.rows_affected()))
        .map_err(failing("changing a plan"))?;
        Ok(())
    }

    pub(crate) async fn keep_membership(&self, workspace: Id, user: Id, role: Role) -> Result<()> {
        writing!(self, pool => sqlx::query(KEEP_MEMBER)
            .bind(workspace)
            .bind(user)
            .bind(role.as_str())
            .execute(pool)
            .await
            .map(drop))
        .map_err(failing("adding a member"))
    }

    async fn known_workspace(&self, id: &str) -> Result<Id> {
        let unknown = || Error::new(ErrorKind::NotFound, format!("no workspace `{}`", id.escape_debug()));
        let id: Id = id.parse().map_err(|_| unknown())?;
        self.plan_of(id).await?.map(|_| id).ok_or_else(unknown)
    }

    /// The user with this e-mail address, made when new.
    pub(crate) async fn user(&self, email: &str, now: Time) -> Result<Id> {
        if !email.split_once('@').is_some_and(|(name, host)| !name.is_empty() && !host.is_empty()) {
            let message = format!("`{}` is no e-mail address", email.escape_debug());
            return Err(Error::new(ErrorKind::InvalidInput, message));
        }
        let doing = |cause| failed("making a user", cause);
        writing!(self, pool => sqlx::query("INSERT INTO users (id, email, created_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING")
            .bind(Id::random())
            .bind(email)
            .bind(now)
            .execute(pool)
            .await
            .map(|done| done.rows_affected()))
            .map_err(doing)?;
        writing!(self, pool => sqlx::query_scalar("SELECT id FROM users WHERE lower(email) = lower($1)")
            .bind(email)
            .fetch_one(pool)
            .await)
        .map_err(doing)
    }

    /// The workspaces that a user is a member of, oldest first.
    pub(crate) async fn workspaces_of(&self, user: Id) -> Result<Vec<WorkspaceRow>> {
        reading!(self, pool => sqlx::query_as(
            "SELECT w.id, w.name, w.owner_id, w.plan, m.role FROM workspaces w
             JOIN members m ON m.workspace_id = w.id WHERE m.user_id = $1 ORDER BY w.rowid",
        )
        .bind(user)
        .fetch_all(pool)
        .await)
        .map_err(failing("listing workspaces"))
    }

    /// A workspace with the user's role in it; none when it is unknown or the user is no member.
    pub(crate) async fn workspace_for(&self, user: Id, workspace: Id) -> Result<Option<WorkspaceRow>> {
        reading!(self, pool => sqlx::query_as(
            "SELECT w.id, w.name, w.owner_id, w.plan, m.role FROM workspaces w
             JOIN members m ON m.workspace_id = w.id WHERE m.user_id = $1 AND w.id = $2",
        )
        .bind(user)
        .bind(workspace)
        .fetch_optional(pool)
        .await)
        .map_err(failing("reading a workspace"))
    }

    /// The plan of a workspace; none when it is unknown.
    pub(crate) async fn plan_of(&self, workspace: Id) -> Result<Option<Plan>> {
        let word: Option<String> =
            reading!(self, pool => sqlx::query_scalar("SELECT plan FROM workspaces WHERE id = $1")
            .bind(workspace)
            .fetch_optional(pool)
            .await)
            .map_err(failing("reading a plan"))?;
        word.map(|word| word.parse()).transpose()
    }
}
