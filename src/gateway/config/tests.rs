//! Whole configs: what a user writes in; the gateway, or the lines that they read, out.

mod filters;

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

    let models = &gateway.models;
    let Ok(Found::Alias("smart-llm", route)) = models.resolve("smart-llm") else {
        panic!("an alias");
    };
    let target = &models.routes[route].targets[0];
    assert_eq!(models.id(target), "anthropic/claude-sonnet-4-0");
    let smart = &models.providers[target.provider];
    let (name, value) = smart.auth_header().expect("a key");
    assert_eq!((name.as_str(), value.to_str().expect("text")), ("x-api-key", "123456"));
    assert_eq!(
        smart.upstream(Api::Chat).0.to_string(),
        "https://api.anthropic.com/v1/messages"
    );
    let state = StateStorage {
        max_responses: 500,
        max_bytes: 64 << 20,
        ttl: Duration::from_secs(3600),
    };
    assert_eq!(gateway.state_storage, state);
    let provider = |model: &str| match models.resolve(model) {
        Ok(Found::Model(target, _)) => &models.providers[target.provider],
        other => panic!("{other:?}"),
    };
    let own = provider("custom/test-model");
    assert_eq!(
        own.upstream(Api::Chat).0.uri(),
        "http://localhost:11223/v1/chat/completions"
    );
    assert_eq!(own.http_host.as_ref().expect("written"), "models.internal");
    assert_eq!(
        own.headers,
        [("x-team".parse().expect("a name"), "blue".parse().expect("a value"))]
    );
    assert!(provider("mistral/x").auth_header().is_none());
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
    assert!(gateway.warnings.is_empty(), "{:?}", gateway.warnings);
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
        let Ok(Found::Model(target, _)) = gateway.models.resolve(model) else {
            panic!("{model}");
        };
        let (upstream, way) = gateway.models.providers[target.provider].upstream(Api::Responses);
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
            "model_aliases.a.target: requires the model that is meant, or targets",
            "model_aliases.b.target: requires the model that is meant, or targets",
            "model_aliases.c.target: unknown model \"anthropic/claude\"; served are openai/gpt-4o, openai/*",
            "model_aliases.d.target: unknown model \"groq/x/y\"; served are openai/gpt-4o, openai/*",
            "model_aliases.e.target: unknown model \"opena/gpt-4o\" (did you mean \"openai/gpt-4o\"?); served are \
             openai/gpt-4o, openai/*",
        ],
    );
    alias(
        json!({"a": {"targets": ["gpt-4o", "openai/x"], "strategy": "least-latency"}, "b": {"targets": ["openai/x"]}}),
        &[],
    );
    alias(
        json!({"a": {"targets": ["gpt-4o", "openai/*", "openai/gpt-4o", "groq/b"]}, "groq/b": {"target": "gpt-4o", "targets": ["openai/x"]},
            "c": {"target": "gpt-4o", "strategy": "round-robin"}}),
        &[
            "model_aliases.a.targets[1]: \"openai/*\" is not one model; name one",
            "model_aliases.a.targets[2]: \"openai/gpt-4o\" stands twice",
            "model_aliases.a.targets[3]: \"groq/b\" is an alias itself; name a model",
            "model_aliases.c.strategy: picks among targets; there is one target only",
            "model_aliases.groq/b.targets: stands beside target; keep one of them",
        ],
    );
    alias(
        json!({"a": {"targets": ["gpt-4o", ""]}}),
        &["model_aliases.a.targets[1]: no model is named; served are openai/gpt-4o, openai/*"],
    );
    alias(
        json!({"a": {"targets": ["gpt-4o"], "strategy": "fastest"}}),
        &[
            "model_aliases.a.strategy: unknown value \"fastest\" (valid values: [round-robin least-latency cost-optimized])",
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
fn preferences_must_lead_somewhere() {
    let one = |changes: Value| {
        let mut one = json!({"name": "code", "description": "new code", "models": ["gpt-4o"]});
        one.as_object_mut()
            .unwrap()
            .extend(changes.as_object().unwrap().clone());
        one
    };
    let router = ("/overrides", json!({"llm_routing_model": "gpt-4o"}));
    let check = |list: Value, lines: &[&str]| check_with(&[("/routing_preferences", list), router.clone()], lines);
    check(
        json!([
            one(json!({})),
            one(json!({"name": "b", "selection_policy": {"prefer": "cheapest"}}))
        ]),
        &[],
    );
    check(
        json!([
            one(json!({})),
            one(json!({})),
            one(json!({"name": "", "description": "", "models": []})),
            one(json!({"name": "d", "models": ["gpt-4p", "openai/*"]}))
        ]),
        &[
            "routing_preferences[1].name: \"code\" is the name of routing_preferences[0]",
            "routing_preferences[2].name: requires a name",
            "routing_preferences[2].description: requires what kind of request it is for, in words for a model",
            "routing_preferences[2].models: requires at least one model",
            "routing_preferences[3].models[1]: \"openai/*\" is not one model; name one",
        ],
    );
    check_with(
        &[("/routing_preferences", json!([one(json!({}))]))],
        &["overrides.llm_routing_model: requires the model that chooses among routing_preferences"],
    );
    check_with(
        &[(
            "/overrides",
            json!({"llm_routing_model": "groq/x", "model_prices": "/no/such/file"}),
        )],
        &[
            "overrides.llm_routing_model: unknown model \"groq/x\"; served are openai/gpt-4o, openai/*",
            "overrides.model_prices: /no/such/file: No such file or directory (os error 2)",
        ],
    );
}

#[test]
fn agents_must_be_there_and_chosen_by_somebody() {
    let listener = |agents: Value| json!({"type": "agent", "name": "travel", "port": 8001, "agents": agents});
    let agents = json!([{"id": "weather", "url": "http://localhost:10510"}, {"id": "flight", "url": "http://localhost:10520/base"}]);
    let check = |listener: Value, overrides: Value, lines: &[&str]| {
        let changes = [
            ("/listeners/-", listener),
            ("/agents", agents.clone()),
            ("/overrides", overrides),
        ];
        check_with(&changes, lines);
    };
    let two =
        json!([{"id": "weather", "description": "rain"}, {"id": "flight", "description": "planes", "default": true}]);
    let model = json!({"agent_orchestration_model": "gpt-4o"});
    check(listener(two.clone()), model.clone(), &[]);
    check(listener(json!([{"id": "weather"}])), json!({}), &[]);
    check(
        listener(two),
        json!({}),
        &["overrides.agent_orchestration_model: requires the model that chooses among the agents of a listener"],
    );
    check(
        listener(
            json!([{"id": "wether", "description": "x"}, {"id": "flight"}, {"id": "flight", "description": "x", "default": true},
            {"id": "weather", "description": "x", "default": true, "descripton": "x"}]),
        ),
        model,
        &[
            "listeners[1].agents[3].descripton: unknown key (did you mean \"description\"?)",
            "listeners[1].agents[0].id: \"wether\" is none of agents (did you mean \"weather\"?)",
            "listeners[1].agents[1].description: requires what the agent is good for, in words for a model",
            "listeners[1].agents[2].id: \"flight\" stands twice",
            "listeners[1].agents[3].default: another agent is the default already",
        ],
    );
    check(
        listener(json!([])),
        json!({}),
        &["listeners[1].agents: must have at least one agent"],
    );
    check_with(
        &[
            (
                "/agents",
                json!([{"id": "", "url": ""}, {"id": "a", "url": "localhost:1"}, {"id": "a", "url": "http://u:p@h"}]),
            ),
            (
                "/listeners/-",
                json!({"type": "model", "name": "m", "port": 0, "router": "x", "agents": [{"id": "a"}]}),
            ),
        ],
        &[
            "agents[0].id: requires a name",
            "agents[0].url: requires where the agent is, such as http://localhost:10510",
            "agents[1].url: \"localhost:1\" is no URL of http or https; write it as https://host or http://host:port",
            "agents[2].id: \"a\" is the name of agents[1]",
            "agents[2].url: \"http://[REDACTED]@h\" holds credentials; write them as access_key or headers",
            "listeners[1].agents: is for listeners of type agent",
            "listeners[1].router: is for listeners of type agent",
        ],
    );
}

#[test]
fn a_gateway_for_one_agent_needs_no_model() {
    let gateway = good(
        "
listeners: [{type: agent, name: travel, port: 0, agents: [{id: weather}]}]
agents: [{id: weather, url: 'http://localhost:10520/base/'}]
",
    );
    assert_eq!(gateway.agents[0].url, "http://localhost:10520/base/v1/chat/completions");
}

#[test]
fn preferences_of_the_older_form_gather_the_models_that_name_them() {
    let gateway = good(
        "
listeners: [{type: model, name: llm, port: 0}]
model_providers:
  - {model: openai/gpt-4o, access_key: k, routing_preferences: [{name: code, description: new code}]}
  - {model: groq/llama, access_key: k, routing_preferences: [{name: code, description: new code}, {name: chat, description: talk}]}
overrides: {llm_routing_model: gpt-4o}
",
    );
    let models = &gateway.models;
    let list = &models.preferences.as_ref().expect("preferences").list;
    let found: Vec<_> = list
        .iter()
        .map(|it| {
            let targets = models.routes[it.route].targets.iter().map(|target| models.id(target));
            (it.name.as_str(), targets.collect::<Vec<_>>().join(" "))
        })
        .collect();
    assert_eq!(
        found,
        [
            ("code", "openai/gpt-4o groq/llama".to_owned()),
            ("chat", "groq/llama".to_owned())
        ]
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
fn rate_limits_know_what_they_are_about() {
    let limits = good(include_str!("tests/reference.yaml")).ratelimits;
    let about: Vec<&Limited> = limits.iter().map(|limit| &limit.model).collect();
    let model = Limited::Model {
        provider: "openai".to_owned(),
        model: "gpt-4o".to_owned(),
    };
    let alias = Limited::Alias("smart-llm".to_owned());
    assert_eq!(
        about,
        [&model, &alias, &Limited::Provider("mistral".to_owned()), &Limited::All]
    );
    let selector = |index: usize| limits[index].selector.as_ref();
    assert_eq!(selector(0).expect("written").header, "x-user-id");
    assert_eq!(selector(0).and_then(|it| it.value.clone()).expect("written"), "alice");
    assert_eq!(selector(1).map(|it| it.value.clone()), Some(None));
    assert_eq!(selector(2), None);
    let amounts: Vec<_> = limits.iter().map(|limit| (limit.tokens, limit.unit.as_str())).collect();
    assert_eq!(
        amounts,
        [(1000, "minute"), (100_000, "hour"), (50, "second"), (2_000_000, "day")]
    );
    assert_eq!(limits[3].unit.duration(), Duration::from_secs(86_400));
    assert_eq!(
        (limits[0].name.as_deref(), limits[1].name.as_deref()),
        (Some("alice"), None)
    );
}

#[test]
fn what_is_wrong_with_rate_limits_is_told_with_its_path() {
    let check = |limits: Value, expected: &[&str]| check_with(&[("/ratelimits", limits)], expected);
    let limit = json!({"tokens": 10, "unit": "minute"});
    check(json!([{"limit": limit}, {"model": "*", "limit": limit}]), &[]);
    check(
        json!([{}, {"limit": {"tokens": 0, "unit": "minute"}, "selector": {}}]),
        &[
            "ratelimits[0].limit.tokens: requires a number of tokens, more than 0",
            "ratelimits[0].limit.unit: requires second, minute, hour or day",
            "ratelimits[1].limit.tokens: requires a number of tokens, more than 0",
            "ratelimits[1].selector.key: requires the name of a header; without a selector all requests count together",
        ],
    );
    check(
        json!([{"limit": {"tokens": 1, "unit": "minutes"}}]),
        &[
            "ratelimits[0].limit.unit: unknown value \"minutes\" (did you mean \"minute\"?) (valid values: [second minute hour day])",
        ],
    );
    check(
        json!([{"model": "openia/*", "limit": limit}, {"model": "openia/gpt-4o", "limit": limit}]),
        &[
            "ratelimits[0].model: no model of a provider \"openia\" is served (did you mean \"openai\"?)",
            "ratelimits[1].model: unknown model \"openia/gpt-4o\" (did you mean \"openai/gpt-4o\"?); served are openai/gpt-4o, openai/*",
        ],
    );
    check(
        json!([
            {"name": "a", "limit": limit, "selector": {"key": "Authorization"}},
            {"name": "a", "limit": limit, "selector": {"key": "x user", "value": " a"}},
        ]),
        &[
            "ratelimits[0].selector.key: \"Authorization\" carries credentials; select by a header that does not",
            "ratelimits[1].name: \"a\" is the name of ratelimits[0]",
            "ratelimits[1].selector.key: \"x user\" is no name of a header",
            "ratelimits[1].selector.value: \" a\" is no value of a header",
        ],
    );
    check(
        json!([{"limit": limit, "selectr": {}}]),
        &["ratelimits[0].selectr: unknown key (did you mean \"selector\"?)"],
    );
}

#[test]
fn the_examples_of_the_documentation_load() {
    let page = include_str!("../../../docs/gateway.md");
    let examples: Vec<&str> = page
        .split("```yaml\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .collect();
    assert!(!examples.is_empty());
    let limits: usize = examples.into_iter().map(|text| good(text).ratelimits.len()).sum();
    assert_eq!(limits, 3);
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
    let Ok(Found::Model(target, _)) = from.gateway.models.resolve("gpt-4o-mini") else {
        panic!("a model of openai");
    };
    let provider = &from.gateway.models.providers[target.provider];
    assert_eq!(provider.auth_header().expect("a key").1, "Bearer 0123");
    assert!(from.gateway.models.resolve("claude-sonnet-4-0").is_ok());
    let faults = from_keys(&|_| None).expect_err("no keys");
    assert!(
        faults[0].starts_with("no config file, and no key of a provider"),
        "{faults:?}"
    );
}
