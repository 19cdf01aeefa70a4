//! `backfleet key ...`: makes, lists and revokes API keys, in the database itself.

use serde_json::{Value, json};
use store::{KeyRow, KeyState, NewKey, Scopes, Store, Token};

use crate::cli::{DatabaseArgs, KeyCommand};
use crate::failure::{Exit, Failure};
use crate::open;
use crate::output::{Table, line, note};

/// Runs one `key` command.
pub(crate) async fn run(command: KeyCommand) -> Result<(), Failure> {
    match command {
        KeyCommand::Create { owner, name, scopes, expires, database, json } => {
            let owner = owner.trim().to_owned();
            if owner.is_empty() {
                return Err(Failure::usage("--owner is empty").hint("name a person or a desk"));
            }
            let scopes = Scopes::new(scopes).ok_or_else(|| Failure::usage("--scopes is empty"))?;
            let token = Token::generate()?;
            let new = NewKey { token, owner, name, scopes, lasts: expires };
            let row = opened(&database).await?.create_key(&new).await?;
            created(&new, &row, json);
            Ok(())
        }
        KeyCommand::List { database, json } => {
            let keys = opened(&database).await?.keys().await?;
            list(&keys, json);
            Ok(())
        }
        KeyCommand::Revoke { id, database, json } => {
            let id = id.strip_prefix("bf_").unwrap_or(&id);
            // Of a whole key, pasted by mistake, only the id is used and shown.
            let id = id.split('_').next().unwrap_or_default();
            if !opened(&database).await?.revoke_key(id).await? {
                return Err(Failure::new(Exit::NotFound, format!("there is no key \"{id}\""))
                    .hint("backfleet key list"));
            }
            if json {
                line(&json!({"id": id, "state": state_name(KeyState::Revoked)}).to_string());
            } else {
                note(&format!("key {id} is revoked"));
            }
            Ok(())
        }
    }
}

/// The store; an embedded one is brought to this version first, as `backfleet dev` does.
async fn opened(database: &DatabaseArgs) -> Result<std::sync::Arc<dyn Store>, Failure> {
    let store = open::store(database).await?;
    if database.database_url.is_none() {
        store.migrate().await?;
        return Ok(store);
    }
    let schema = store.schema().await?;
    if schema.fits() {
        return Ok(store);
    }
    Err(store::Error::WrongSchema { found: schema.found, needed: schema.needed }.into())
}

fn created(new: &NewKey, row: &KeyRow, json: bool) {
    let key = new.token.expose();
    if json {
        let mut document = describe(row);
        document["key"] = key.into();
        line(&document.to_string());
        return;
    }
    line(&key);
    note(&format!("key {} of {}: {}; the secret is not kept", row.id, row.owner, row.scopes));
    note("hint: keep it in a file that others cannot read and pass --api-key-file FILE");
}

fn list(keys: &[KeyRow], json: bool) {
    if json {
        let keys: Vec<Value> = keys.iter().map(describe).collect();
        line(&json!({ "keys": keys }).to_string());
        return;
    }
    let mut table = Table::new(&["key", "owner", "name", "scopes", "state", "created", "expires"]);
    for key in keys {
        table.row(vec![
            key.id.clone(),
            key.owner.clone(),
            key.name.clone(),
            key.scopes.to_string(),
            state(key).to_owned(),
            time(key.created_at),
            key.expires_at.map_or_else(|| "never".to_owned(), time),
        ]);
    }
    table.print();
}

fn describe(key: &KeyRow) -> Value {
    let scopes: Vec<&str> = key.scopes.iter().map(store::Scope::as_str).collect();
    json!({
        "id": key.id, "owner": key.owner, "name": key.name, "scopes": scopes,
        "state": state(key), "createdAt": time(key.created_at),
        "expiresAt": key.expires_at.map(time), "revokedAt": key.revoked_at.map(time),
    })
}

fn state(key: &KeyRow) -> &'static str {
    state_name(key.state)
}

fn state_name(state: KeyState) -> &'static str {
    match state {
        KeyState::Active => "active",
        KeyState::Expired => "expired",
        KeyState::Revoked => "revoked",
    }
}

/// RFC 3339, UTC.
fn time(ms: store::DatabaseTime) -> String {
    jiff::Timestamp::from_millisecond(ms).map_or_else(|_| ms.to_string(), |at| at.to_string())
}
