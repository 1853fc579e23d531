//! What an app speaks, guessed by its name, and how a program connects to it.

use std::net::SocketAddr;

/// An app that its name tells.
struct Known {
    /// Words of its name.
    words: &'static [&'static str],
    scheme: &'static str,
    /// Variables that its programs read for host and port.
    variables: Option<(&'static str, &'static str)>,
}

const fn known(words: &'static [&'static str], scheme: &'static str) -> Known {
    Known { words, scheme, variables: None }
}

const KNOWN: [Known; 9] = [
    Known {
        variables: Some(("PGHOST", "PGPORT")),
        ..known(&["postgres", "postgresql", "psql", "pgsql", "pg", "timescale"], "postgresql")
    },
    known(&["redis", "valkey"], "redis"),
    known(&["mqtt", "mosquitto", "emqx"], "mqtt"),
    Known { variables: Some(("MYSQL_HOST", "MYSQL_TCP_PORT")), ..known(&["mysql", "mariadb"], "mysql") },
    known(&["mongo", "mongodb"], "mongodb"),
    known(&["amqp", "rabbit", "rabbitmq"], "amqp"),
    known(&["nats"], "nats"),
    known(&["ssh"], "ssh"),
    known(&["http", "web", "grafana", "prometheus", "api", "ui", "dashboard"], "http"),
];

fn of(app: &str) -> Option<&'static Known> {
    let is = |name: &str| app.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| word.eq_ignore_ascii_case(name));
    KNOWN.iter().find(|known| known.words.iter().any(|name| is(name)))
}

/// What a program connects to.
pub fn url(app: &str, address: SocketAddr) -> Option<String> {
    of(app).map(|known| format!("{}://{address}", known.scheme))
}

/// Variables for a command that goes through the tunnel.
pub fn variables(app: &str, address: SocketAddr) -> Vec<(&'static str, String)> {
    let (host, port) = (address.ip().to_string(), address.port().to_string());
    let mut found = vec![
        ("CUBE_TUNNEL_ADDRESS", address.to_string()),
        ("CUBE_TUNNEL_HOST", host.clone()),
        ("CUBE_TUNNEL_PORT", port.clone()),
    ];
    found.extend(url(app, address).map(|url| ("CUBE_TUNNEL_URL", url)));
    if let Some((name_of_host, name_of_port)) = of(app).and_then(|known| known.variables) {
        found.extend([(name_of_host, host), (name_of_port, port)]);
    }
    found
}

/// How to try it out, in one line.
pub fn hint(app: &str, address: SocketAddr) -> Option<String> {
    let (host, port) = (address.ip(), address.port());
    Some(match of(app)?.scheme {
        "postgresql" => format!("psql -h {host} -p {port}"),
        "redis" => format!("redis-cli -h {host} -p {port}"),
        "mqtt" => format!("mosquitto_sub -h {host} -p {port} -t '#'"),
        "mysql" => format!("mysql -h {host} -P {port}"),
        "mongodb" => format!("mongosh mongodb://{address}"),
        "ssh" => format!("ssh -p {port} {host}"),
        "http" => format!("curl http://{address}/"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_what_an_app_speaks() {
        let address = SocketAddr::from(([127, 0, 0, 1], 5432));
        for (app, wanted) in [
            ("postgres-cube7", Some("postgresql://127.0.0.1:5432")),
            ("acme-redis", Some("redis://127.0.0.1:5432")),
            ("mosquitto", Some("mqtt://127.0.0.1:5432")),
            ("grafana-7", Some("http://127.0.0.1:5432")),
            ("echo", None),
            ("capital", None),
        ] {
            assert_eq!(url(app, address).as_deref(), wanted, "{app}");
        }
        let found = variables("postgres-cube7", address);
        assert!(found.contains(&("PGPORT", "5432".to_owned())) && found.contains(&("PGHOST", "127.0.0.1".to_owned())));
        assert!(hint("echo", address).is_none());
    }
}
