//! Whole configs: what a user writes in; the gateway, or the lines that they read, out.

use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::{config, gateway::exchange::Api, values::Secret};

fn env(name: &str) -> Option<String> {
    let value = match name {
        "OPENAI_API_KEY" => "sk-hunter2",
        "ANTHROPIC_API_KEY" => "123456",
        "TEAM_KEY" => "007",
        "OTHER_KEY" => "k2",
        "BUILD" => "42",
        _ => return None,
    };
    Some(value.to_owned())
}

fn load(text: &str) -> Result<Gateway, Vec<String>> {
    let env = |name: &str| match name {
        "CONFIG" => Some(text.to_owned()),
        other => env(other),
    };
    check(&config::load_tree("env:CONFIG", &env)?)
}

fn good(text: &str) -> Gateway {
    load(text).unwrap_or_else(|faults| panic!("{}", faults.join("\n")))
}

/// A good config with keys replaced, by pointer.
fn check_with(changes: &[(&str, Value)], expected: &[&str]) {
    let mut tree = json!({
        "listeners": [{"type": "model", "name": "llm", "port": 12000}],
        "model_providers": [{"model": "openai/gpt-4o", "access_key": "hunter2"}, {"model": "openai/*", "access_key": "hunter2"}],
    });
    for (pointer, value) in changes {
        let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
        match tree.pointer_mut(parent).expect("a place") {
            Value::Object(map) => drop(map.insert(key.to_owned(), value.clone())),
            Value::Array(items) => items.push(value.clone()),
            other => panic!("{pointer}: {other}"),
        }
    }
    let found = check(&Expanded::from(tree)).err().unwrap_or_default();
    assert_eq!(found, expected, "{changes:?}");
    assert!(!found.join("\n").contains("hunter2"));
}

#[expect(clippy::too_many_lines, reason = "the reference file stands in it")]
#[test]
fn the_reference_loads() {
    let gateway = good(include_str!("tests/reference.yaml"));
    let listeners: Vec<_> = gateway
        .listeners
        .iter()
        .map(|it| (it.name.as_str(), it.endpoint(), it.sampling(0.0)))
        .collect();
    assert_eq!(
        listeners,
        [
            ("llm", "127.0.0.1:12000".to_owned(), 100.0),
            ("guarded", "[::1]:12001".to_owned(), 5.0),
            ("sampled", "127.0.0.1:12002".to_owned(), 12.5),
        ]
    );
    let first = &gateway.listeners[0];
    assert_eq!(
        (first.timeout, first.max_retries, first.max_request_body_size),
        (Duration::from_secs(300), 3, 20 << 20)
    );
    assert!(first.api_keys.is_empty());
    assert_eq!(gateway.listeners[1].api_keys, [Secret::new("007"), Secret::new("k2")]);

    let target = gateway.resolve("smart-llm").expect("an alias");
    assert_eq!(
        (target.alias, target.provider.id().as_str()),
        (Some("smart-llm"), "anthropic/claude-sonnet-4-0")
    );
    let (name, value) = target.provider.auth_header().expect("a key");
    assert_eq!((name.as_str(), value.to_str().expect("text")), ("x-api-key", "123456"));
    assert_eq!(
        target.provider.upstream(Api::Chat).0.to_string(),
        "https://api.anthropic.com/v1/messages"
    );
    let state = StateStorage {
        max_responses: 500,
        max_bytes: 64 << 20,
        ttl: Duration::from_secs(3600),
    };
    assert_eq!(gateway.state_storage, state);
    let own = gateway.resolve("custom/test-model").expect("a model").provider;
    assert_eq!(
        own.upstream(Api::Chat).0.uri(),
        "http://localhost:11223/v1/chat/completions"
    );
    assert_eq!(own.http_host.as_ref().expect("written"), "models.internal");
    assert_eq!(
        own.headers,
        [("x-team".parse().expect("a name"), "blue".parse().expect("a value"))]
    );
    assert!(
        gateway
            .resolve("mistral/x")
            .expect("a wildcard")
            .provider
            .auth_header()
            .is_none()
    );
    let listed: Vec<String> = gateway.models.listed().into_iter().map(|(name, _)| name).collect();
    assert_eq!(
        listed,
        [
            "fast-llm",
            "smart-llm",
            "openai/gpt-4o",
            "anthropic/claude-sonnet-4-0",
            "custom/test-model"
        ]
    );

    let tracing = &gateway.tracing;
    assert_eq!(tracing.headers, ["content-type", "x-team"]);
    assert_eq!(
        (tracing.receiver_grpc.as_deref(), &tracing.receiver_http),
        (Some("127.0.0.1:4337"), &None)
    );
    assert_eq!(
        (tracing.header_prefixes.clone(), tracing.message_preview),
        (vec!["x-acme-".to_owned()], true)
    );
    assert_eq!((gateway.metrics_address.as_deref(), gateway.signals), (None, true));
    assert_eq!(tracing.static_attributes["build"], "42");
    assert_eq!(
        gateway.warnings,
        [
            "overrides.agent_orchestration_model: has no effect yet in this version",
            "overrides.llm_routing_model: has no effect yet in this version",
        ]
    );
    let printed = format!("{gateway:?}");
    assert!(
        printed.contains("[REDACTED]") && !printed.contains("hunter2"),
        "{printed}"
    );
}

#[test]
fn a_small_config_has_the_defaults() {
    let gateway = good("{listeners: [{type: model, name: a, port: 0}], model_providers: [{model: ollama/*}]}");
    assert_eq!(gateway.listeners[0].sampling(0.0), 0.0);
    assert_eq!(gateway.metrics_address.as_deref(), Some("127.0.0.1:9464"));
    let tracing = &gateway.tracing;
    assert_eq!(tracing.receiver_grpc.as_deref(), Some("127.0.0.1:4327"));
    assert_eq!(tracing.receiver_http.as_deref(), Some("127.0.0.1:4328"));
    assert_eq!(tracing.headers, ["content-type", "user-agent", "accept"]);
    assert!(gateway.warnings.is_empty());
    let closed = "tracing: {receiver: none}\nlisteners: [{type: model, name: a, port: 4327}]\nmodel_providers: [{model: ollama/*}]";
    assert_eq!(good(closed).tracing.receiver_grpc, None);
}

#[test]
fn state_is_kept_in_memory() {
    let plain = good("listeners: [{type: model, name: a, port: 1}]\nmodel_providers: [{model: ollama/*}]");
    let state = StateStorage {
        max_responses: 10_000,
        max_bytes: 256 << 20,
        ttl: Duration::from_secs(86_400),
    };
    assert_eq!(plain.state_storage, state);
    for (written, expected) in [
        (
            json!({"type": "postgres", "connection_string": "postgresql://u:hunter2@db"}),
            &["state_storage.type: PostgreSQL comes in a later version; use memory"][..],
        ),
        (
            json!({"type": "memory", "connection_string": "postgresql://u:hunter2@db"}),
            &["state_storage.connection_string: is for PostgreSQL; remove it"],
        ),
        (
            json!({"tll": "1h"}),
            &["state_storage.tll: unknown key (did you mean \"ttl\"?)"],
        ),
        (
            json!({"max_responses": 0, "max_bytes": 0, "ttl": "0s"}),
            &[
                "state_storage.max_responses: must be at least 1",
                "state_storage.max_bytes: must be at least 1",
                "state_storage.ttl: must be longer than nothing, such as 24h",
            ],
        ),
    ] {
        check_with(&[("/state_storage", written)], expected);
    }
}

#[test]
fn responses_go_where_they_are_spoken() {
    let gateway = good(include_str!("tests/reference.yaml"));
    for (model, expected) in [
        (
            "openai/gpt-4o",
            "Responses https://api.openai.com/v1/responses, straight",
        ),
        (
            "anthropic/claude-sonnet-4-0",
            "Messages https://api.anthropic.com/v1/messages, across",
        ),
        ("mistral/x", "Chat https://api.mistral.ai/v1/chat/completions, across"),
        (
            "custom/test-model",
            "Chat http://localhost:11223/v1/chat/completions, across",
        ),
    ] {
        let target = gateway.resolve(model).expect(model);
        let (upstream, way) = target.provider.upstream(Api::Responses);
        assert_eq!((way.client(), way.provider()), (Api::Responses, upstream.api));
        let crosses = if way.crosses() { "across" } else { "straight" };
        assert_eq!(format!("{:?} {}, {crosses}", upstream.api, upstream.uri()), expected);
    }
}

#[test]
fn eight_mistakes_are_eight_lines() {
    let text = "
version: v0.4.0
listeners:
  - {type: model, name: llm, port: 12000, tiemout: 300s}
  - {type: model, name: llm, port: 12000}
model_providers:
  - {model: openai/gpt-4o}
  - {model: opnai/gpt-4o, access_key: k}
  - {model: custom/x, base_url: 'localhost:1'}
tracing: {random_sampling: 250, headers: [accept, Authorization]}
";
    let faults = load(text).expect_err("eight mistakes");
    assert_eq!(
        faults,
        [
            "listeners[0].tiemout: unknown key (did you mean \"timeout\"?)",
            "listeners[1].name: \"llm\" is the name of listeners[0]",
            "listeners[1].port: 12000 is the port of listeners[0]",
            "model_providers[0].access_key: requires the key of openai; write it as $OPENAI_API_KEY",
            "model_providers[1].model: unknown provider \"opnai\" (did you mean \"openai\"?); a provider of your own needs \
             base_url and provider_interface",
            "model_providers[2].base_url: \"localhost:1\" is no URL of http or https; write it as https://host or \
             http://host:port",
            "tracing.random_sampling: 250 is no percentage; write 0 for nothing to 100 for everything",
            "tracing.headers[1]: \"Authorization\" may hold a secret and never comes on a span; remove it",
        ]
    );
}

#[test]
fn listeners_must_be_possible() {
    check_with(
        &[("/listeners", json!([]))],
        &["listeners: must have at least one listener"],
    );
    check_with(
        &[(
            "/listeners/0",
            json!({"tpye": "model", "timeout": "0s", "max_request_body_size": "0", "address": "a:1"}),
        )],
        &[
            "listeners[1].tpye: unknown key (did you mean \"type\"?)",
            "listeners[1].max_request_body_size: invalid size \"0\"; write it like 256MiB or 1GiB",
            "listeners[1].name: requires a name",
            "listeners[1].timeout: must be longer than 0s",
            "listeners[1].address: \"a:1\" is no interface; write an address such as 127.0.0.1",
            "listeners[1].port: requires a port",
        ],
    );
    let other = |address: &str| json!({"type": "model", "name": "b", "port": 12000, "address": address});
    check_with(&[("/listeners/1", other("127.0.0.2"))], &[]);
    for address in ["localhost", "0.0.0.0", "::"] {
        check_with(
            &[("/listeners/1", other(address))],
            &["listeners[1].port: 12000 is the port of listeners[0]"],
        );
    }
    for (port, owner) in [(4327, "tracing.receiver.grpc"), (9464, "telemetry.metrics_address")] {
        let line = format!("listeners[0].port: {port} is the port of {owner}");
        let listener = json!([{"type": "model", "name": "a", "port": port}]);
        check_with(&[("/listeners", listener)], &[&line]);
    }
    check_with(
        &[
            ("/telemetry", json!({"metrics_address": 4327})),
            ("/tracing", json!({"receiver": {"http": "here"}})),
        ],
        &[
            "tracing.receiver.http: \"here\" is no address; write it as host:port, a port, or none",
            "telemetry.metrics_address: 4327 is the port of tracing.receiver.grpc",
        ],
    );
    let sampling =
        json!([{"type": "model", "name": "a", "port": 1, "random_sampling": 1, "tracing": {"random_sampling": -2}}]);
    check_with(
        &[("/listeners", sampling)],
        &[
            "listeners[0].tracing.random_sampling: -2 is no percentage; write 0 for nothing to 100 for everything",
            "listeners[0].tracing.random_sampling: is -2 here and 1 on the listener itself; keep one",
        ],
    );
}

/// An unset variable must not open a listener to everybody.
#[test]
fn keys_that_are_empty_let_nobody_in() {
    let empty =
        "listeners[0].api_keys: is empty, so nobody could be let in; name keys, or remove it to let everybody in";
    let no_key = "listeners[0].api_keys[0]: is empty; write the key, $VARIABLE or file:PATH";
    for (keys, line) in [
        ("$NOT_SET", empty),
        ("[]", empty),
        ("", empty),
        (
            "[$NOT_SET]",
            "listeners[0].api_keys[0]: expected a string, found nothing",
        ),
        ("['']", no_key),
        (
            "['x$NOT_SET', 'file:/no/such']",
            "listeners[0].api_keys[1]: cannot read /no/such: No such file or directory (os error 2)",
        ),
    ] {
        let text = format!(
            "listeners: [{{type: model, name: a, port: 1, api_keys: {keys}}}]\nmodel_providers: [{{model: ollama/*}}]"
        );
        assert_eq!(load(&text).expect_err(keys), [line], "{keys}");
    }
}

#[test]
fn models_must_be_servable() {
    let provider = |value: Value, lines: &[&str]| check_with(&[("/model_providers/-", value)], lines);
    const WRITE: &str = "write it as provider/model, or provider/* for all models";
    for (model, told) in [
        ("", "requires a model"),
        ("gpt-4o", "\"gpt-4o\" names no provider"),
        ("openai/", "\"openai/\" is no model"),
        ("openai/gpt-*", "\"openai/gpt-*\" is no model"),
    ] {
        provider(
            json!({"model": model, "access_key": "k"}),
            &[&format!("model_providers[2].model: {told}; {WRITE}")],
        );
    }
    provider(
        json!({"model": "openai/gpt-4o", "access_key": "hun ter2"}),
        &[
            "model_providers[2].model: \"openai/gpt-4o\" is the model of model_providers[0]",
            "model_providers[2].access_key: holds blanks, control characters or letters beyond ASCII, which no key has",
        ],
    );
    provider(json!({"model": "openai/x", "base_url": "http://localhost:1"}), &[]);
    provider(json!({"model": "openai/x", "passthrough_auth": true}), &[]);
    provider(
        json!({"model": "openai/x", "headers": {"Authorization": "Bearer hunter2"}}),
        &[],
    );
    provider(
        json!({"model": "groq/x", "provider_interface": "openai", "access_key": "k"}),
        &[],
    );
    provider(
        json!({"model": "mine/x", "provider_interface": "anthropic", "base_url": "http://h"}),
        &[],
    );
    provider(
        json!({"model": "mine/x", "provider_interface": "opneai", "base_url": "http://h"}),
        &[
            "model_providers[2].provider_interface: unknown value \"opneai\" (did you mean \"openai\"?) (valid values: \
           [anthropic azure_openai deepseek gemini groq mistral ollama openai openrouter together xai])",
        ],
    );
    provider(
        json!({"model": "custom/x"}),
        &["model_providers[2].base_url: requires where custom is, such as http://localhost:8000"],
    );
    provider(
        json!({"model": "azure_openai/x"}),
        &[
            "model_providers[2].base_url: requires where azure_openai is; write it as $AZURE_OPENAI_ENDPOINT",
            "model_providers[2].access_key: requires the key of azure_openai; write it as $AZURE_OPENAI_API_KEY",
        ],
    );
    provider(
        json!({"model": "groq/*", "default": true, "access_key": "k", "http_host": "a b", "headers": {"Host": "x", "a b": "y", "te": "z"}}),
        &[
            "model_providers[2].default: all models of a provider cannot be the default; set it on one model",
            "model_providers[2].http_host: \"a b\" is no host; write it as host or host:port",
            "model_providers[2].headers.Host: is not for here; write it as http_host",
            "model_providers[2].headers.a b: is no name of a header",
            "model_providers[2].headers.te: is written by the gateway; remove it",
        ],
    );
    provider(
        json!({"modle": "openai/x", "acess_key": "k", "base_url": "http://u:hunter2@h"}),
        &[
            "model_providers[2].modle: unknown key (did you mean \"model\"?)",
            "model_providers[2].acess_key: unknown key (did you mean \"access_key\"?)",
        ],
    );
}

#[test]
fn aliases_must_lead_somewhere() {
    let alias = |value: Value, lines: &[&str]| check_with(&[("/model_aliases", value)], lines);
    alias(
        json!({"a": {"target": "gpt-4o"}, "gpt-4o": {"target": "gpt-4o"}, "b": {"target": "openai/x"}}),
        &[],
    );
    alias(
        json!({"a": null, "b": {}, "c": {"target": "anthropic/claude"}, "d": {"target": "groq/x/y"}, "e": {"target": "opena/gpt-4o"}}),
        &[
            "model_aliases.a.target: requires the model that is meant",
            "model_aliases.b.target: requires the model that is meant",
            "model_aliases.c.target: unknown model \"anthropic/claude\"; served are openai/gpt-4o, openai/*",
            "model_aliases.d.target: unknown model \"groq/x/y\"; served are openai/gpt-4o, openai/*",
            "model_aliases.e.target: unknown model \"opena/gpt-4o\" (did you mean \"openai/gpt-4o\"?); served are \
             openai/gpt-4o, openai/*",
        ],
    );
    // With a provider in doubt nothing is said of aliases, which may have meant it.
    check_with(
        &[
            ("/model_providers/-", json!({"model": "groqq/x", "access_key": "k"})),
            ("/model_aliases", json!({"a": {"target": "groq/x"}})),
        ],
        &[
            "model_providers[2].model: unknown provider \"groqq\" (did you mean \"groq\"?); a provider of your own needs \
           base_url and provider_interface",
        ],
    );
}

#[test]
fn tracing_keeps_secrets_off_spans() {
    for name in crate::gateway::spans::FORBIDDEN_HEADERS {
        let told =
            |path: &str| format!("tracing.{path}: {name:?} may hold a secret and never comes on a span; remove it");
        check_with(
            &[(
                "/tracing",
                json!({"headers": [name], "span_attributes": {"header_prefixes": [name, ""]}}),
            )],
            &[
                &told("headers[0]"),
                &told("span_attributes.header_prefixes[0]"),
                "tracing.span_attributes.header_prefixes[1]: \"\" is no beginning of a header's name; write it like x-acme-",
            ],
        );
    }
    check_with(
        &[(
            "/tracing",
            json!({"opentracing_grpc_endpoint": "u:hunter2@here", "span_attributes": {"static": {"a": 1}}}),
        )],
        &[
            "tracing.span_attributes.static.a: expected a string, found a whole number",
            "tracing.opentracing_grpc_endpoint: \"[REDACTED]@here\" is no endpoint; write it as http://host:port",
        ],
    );
    check_with(
        &[("/tracing", json!({"opentracing_grpc_endpoint": "otel-collector:4317"}))],
        &[],
    );
    check_with(
        &[("/version", json!("v1.0.0"))],
        &["version: unknown version \"v1.0.0\"; write v0.4.0"],
    );
}

#[test]
fn the_endpoint_is_the_first_that_is_set() {
    let config = |endpoint: &str| {
        let text = format!(
            "listeners: [{{type: model, name: a, port: 0}}]\nmodel_providers: [{{model: ollama/*}}]\ntracing: {{{endpoint}}}"
        );
        good(&text).tracing
    };
    let env = |set: &'static [(&'static str, &'static str)]| {
        move |name: &str| {
            set.iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| (*value).to_owned())
        }
    };
    let both = env(&[
        ("OTEL_TRACING_GRPC_ENDPOINT", "http://a:1"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://b:1"),
    ]);
    let other = env(&[
        ("OTEL_TRACING_GRPC_ENDPOINT", ""),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://b:1"),
    ]);
    let written = config("opentracing_grpc_endpoint: 'http://c:1'");
    let chosen =
        |config: Tracing, env: &Lookup<'_>| config.chosen_endpoint(env).map(|chosen| chosen.reveal().to_owned());
    assert_eq!(chosen(written, &both).as_deref(), Some("http://c:1"));
    assert_eq!(chosen(config(""), &both).as_deref(), Some("http://a:1"));
    assert_eq!(chosen(config(""), &other).as_deref(), Some("http://b:1"));
    assert_eq!(chosen(config(""), &env(&[])), None);
    assert_eq!(Tracing::default_endpoint().reveal(), "http://localhost:4317");
}

#[test]
fn what_is_not_served_yet_is_said_with_its_path() {
    let text = "
listeners:
  - {type: model, name: llm, port: 12000, input_filters: [guard], output_filters: [pii]}
  - type: agent
    name: travel_booking_service
    port: 8001
    router: plano_orchestrator_v1
    agents:
      - {id: weather_agent, description: weather questions, default: true, input_filters: [guard, rewrite]}
      - {id: flight_agent, descripton: flight questions}
model_providers: [{model: openai/gpt-4o, access_key: $OPENAI_API_KEY, routing_preferences: [{name: a, description: b}]}]
model_aliases:
  smart-llm: {targets: [openai/gpt-4o, anthropic/claude-sonnet-4-0], strategy: least-latency}
agents: [{id: weather_agent, url: 'http://localhost:10510'}]
filters: [{id: rewrite, url: 'http://localhost:10501/mcp', type: mcp, tool: rewrite, on_failure: pass}]
routing_preferences:
  - {name: code, description: new code, models: [openai/gpt-4o], selection_policy: {prefer: cheapest}}
ratelimits: [{model: openai/gpt-4o, selector: {key: x-user, value: a}, limit: {tokens: 10, unit: minute}}]
";
    assert_eq!(
        load(text).expect_err("a later version's"),
        [
            "listeners[1].agents[1].descripton: unknown key (did you mean \"description\"?)",
            "listeners[0].input_filters: filters are not available yet in this version; remove it",
            "listeners[0].output_filters: filters are not available yet in this version; remove it",
            "model_providers[0].routing_preferences: routing by preference is not available yet in this version; remove it",
            "model_aliases.smart-llm.targets: several targets are not available yet in this version; write one as target",
            "model_aliases.smart-llm.strategy: strategies are not available yet in this version; remove it",
            "agents: agents are not available yet in this version; remove it",
            "filters: filters are not available yet in this version; remove it",
            "routing_preferences: routing by preference is not available yet in this version; remove it",
            "ratelimits: rate limits are not available yet in this version; remove it",
            "listeners[1].type: listeners of type agent are not available yet in this version; remove the listener",
        ]
    );
}

#[test]
fn without_a_file_the_keys_say_what_is_served() {
    let env = |name: &str| match name {
        "OPENAI_API_KEY" => Some("0123\n".to_owned()),
        "ANTHROPIC_API_KEY" => Some("k".to_owned()),
        "AZURE_OPENAI_API_KEY" => Some("no endpoint for it".to_owned()),
        "GROQ_API_KEY" => Some(String::new()),
        _ => None,
    };
    let from = from_keys(&env).unwrap_or_else(|faults| panic!("{faults:?}"));
    assert_eq!(
        from.found,
        [("anthropic", "ANTHROPIC_API_KEY"), ("openai", "OPENAI_API_KEY")]
    );
    let listener = &from.gateway.listeners[0];
    assert_eq!(
        (listener.endpoint().as_str(), listener.sampling(0.0)),
        ("127.0.0.1:12000", 100.0)
    );
    let target = from.gateway.resolve("gpt-4o-mini").expect("a model of openai");
    assert_eq!(target.provider.auth_header().expect("a key").1, "Bearer 0123");
    assert!(from.gateway.resolve("claude-sonnet-4-0").is_ok());
    let faults = from_keys(&|_| None).expect_err("no keys");
    assert!(
        faults[0].starts_with("no config file, and no key of a provider"),
        "{faults:?}"
    );
}
