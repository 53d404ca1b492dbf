//! Where credentials come from, and that requests are signed as AWS says: the signature is computed here a second time, from the
//! specification.

use std::{path::Path, sync::Arc};

use bytes::Bytes;
use http::Response;
use reqsign_core::{HttpSend, StaticEnv, hash};

use super::*;
use crate::net::testing::{Server, text};

const NEVER: &str = "2999-01-01T00:00:00Z";

/// Answers in the place of STS, and keeps what it was asked.
#[derive(Clone)]
struct Sts {
    asked: Arc<Mutex<Vec<String>>>,
    answer: Arc<dyn Fn() -> (u16, String) + Send + Sync>,
}

impl std::fmt::Debug for Sts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sts")
    }
}

impl HttpSend for Sts {
    async fn http_send(&self, request: Request<Bytes>) -> reqsign_core::Result<Response<Bytes>> {
        let authorization = request
            .headers()
            .get("authorization")
            .and_then(|value| value.to_str().ok());
        let key = authorization
            .and_then(|text| text.split(['=', '/']).nth(1))
            .unwrap_or("nobody");
        let line = format!("{key} {} {}", request.uri(), String::from_utf8_lossy(request.body()));
        self.asked.lock().expect("no holder panics").push(line);
        let (status, body) = (self.answer)();
        Ok(Response::builder()
            .status(status)
            .body(Bytes::from(body))
            .expect("a response"))
    }
}

fn sts(operation: &'static str) -> Sts {
    let answer = move || {
        let credentials = format!(
            "<Credentials><AccessKeyId>ASIAROLEROLEROLEROLE</AccessKeyId><SecretAccessKey>role</SecretAccessKey>\
             <SessionToken>token</SessionToken><Expiration>{NEVER}</Expiration></Credentials>"
        );
        (
            200,
            format!("<{operation}Response><{operation}Result>{credentials}</{operation}Result></{operation}Response>"),
        )
    };
    Sts {
        asked: Arc::default(),
        answer: Arc::new(answer),
    }
}

fn env(home: Option<&Path>, variables: &[(&str, &str)]) -> StaticEnv {
    StaticEnv {
        home_dir: home.map(Path::to_owned),
        envs: variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
    }
}

/// Without the metadata service of a machine that the test may run on.
fn local() -> Access {
    let mut access = Access::default();
    access.reach.instance = false;
    access
}

/// Key id and token of the signature that a request gets, or why it gets none.
async fn signed(access: Access, context: Context) -> Result<(String, Option<String>), String> {
    let signer = Signer::within(access, "xray", "eu-west-1", context);
    let url = Url::parse("https://xray.eu-west-1.amazonaws.com/TraceSegments").expect("a URL");
    let mut headers = HeaderMap::new();
    signer
        .sign(&url, &mut headers, b"{}")
        .await
        .map_err(|e| e.to_string())?;
    let text = |name: &str| headers.get(name).map(|value| value.to_str().expect("text").to_owned());
    let authorization = text("authorization").expect("signed");
    let key = authorization.split(['=', '/']).nth(1).expect("a key").to_owned();
    assert!(headers["authorization"].is_sensitive());
    Ok((key, text("x-amz-security-token")))
}

/// With the machine's own network.
async fn signed_with(access: Access, env: StaticEnv) -> Result<(String, Option<String>), String> {
    let context = context(&access, env).expect("a client");
    signed(access, context).await
}

fn home(config: &str, credentials: &str) -> tempfile::TempDir {
    let home = tempfile::tempdir().expect("a folder");
    let folder = home.path().join(".aws");
    std::fs::create_dir(&folder).expect("made");
    std::fs::write(folder.join("config"), config).expect("written");
    std::fs::write(folder.join("credentials"), credentials).expect("written");
    home
}

#[tokio::test]
async fn the_signature_is_the_one_of_the_specification() {
    let variables = [
        ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
    ];
    let access = local();
    let context = context(&access, env(None, &variables)).expect("a client");
    let signer = Signer::within(access, "xray", "eu-west-1", context);
    let url = Url::parse("https://xray.eu-west-1.amazonaws.com/TraceSegments").expect("a URL");
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    headers.insert("user-agent", HeaderValue::from_static("not signed"));
    let body = br#"{"TraceSegmentDocuments":["{}"]}"#;
    signer.sign(&url, &mut headers, body).await.expect("signed");
    let text = |name: &str| headers[name].to_str().expect("text");
    let (time, hash) = (text("x-amz-date"), hash::hex_sha256(body));
    assert_eq!(text("x-amz-content-sha256"), hash);
    let canonical = format!(
        "POST\n/TraceSegments\n\ncontent-type:application/json\nhost:xray.eu-west-1.amazonaws.com\n\
         x-amz-content-sha256:{hash}\nx-amz-date:{time}\n\ncontent-type;host;x-amz-content-sha256;x-amz-date\n{hash}"
    );
    let date = &time[..8];
    let scope = format!("{date}/eu-west-1/xray/aws4_request");
    let to_sign = format!(
        "AWS4-HMAC-SHA256\n{time}\n{scope}\n{}",
        hash::hex_sha256(canonical.as_bytes())
    );
    let start = b"AWS4wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_vec();
    let parts = [date, "eu-west-1", "xray", "aws4_request"];
    let key = parts
        .iter()
        .fold(start, |key, part| hash::hmac_sha256(&key, part.as_bytes()));
    let expected = format!(
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/{scope}, \
         SignedHeaders=content-type;host;x-amz-content-sha256;x-amz-date, Signature={}",
        hash::hex_hmac_sha256(&key, to_sign.as_bytes())
    );
    assert_eq!(text("authorization"), expected);
    // HTTP/2 has the host elsewhere.
    assert!(!headers.contains_key("host"));
}

#[tokio::test]
async fn the_environment_comes_first_and_a_named_profile_before_it() {
    let home = home(
        "[profile other]\naws_access_key_id=AKIDOTHER\naws_secret_access_key=s\n",
        "[default]\naws_access_key_id=AKIDFILE\naws_secret_access_key=s\naws_session_token=t\n",
    );
    let home = Some(home.path());
    let keys = [
        ("AWS_ACCESS_KEY_ID", "AKIDENV"),
        ("AWS_SECRET_ACCESS_KEY", "s"),
        ("AWS_SESSION_TOKEN", "e"),
    ];
    let check = async |access: Access, variables: &[(&str, &str)], key: &str, token: Option<&str>| {
        let found = signed_with(access, env(home, variables)).await.expect("signed");
        assert_eq!((found.0.as_str(), found.1.as_deref()), (key, token));
    };
    check(local(), &keys, "AKIDENV", Some("e")).await;
    check(local(), &[], "AKIDFILE", Some("t")).await;
    check(local(), &[("AWS_PROFILE", "other")], "AKIDOTHER", None).await;
    let named = Access {
        profile: "other".to_owned(),
        ..local()
    };
    check(named, &keys, "AKIDOTHER", None).await;
}

#[tokio::test]
async fn a_profile_takes_roles_with_other_profiles() {
    let home = home(
        "[default]\nrole_arn = arn:aws:iam::123456789012:role/outer\nsource_profile = inner\nexternal_id = ext\n\
         [profile inner]\nrole_arn = arn:aws:iam::123456789012:role/inner\nsource_profile = keys\n\
         role_session_name = me # a comment\ns3 =\n  aws_access_key_id = nested\n",
        "[keys]\naws_access_key_id = AKIDKEYS\naws_secret_access_key = s\n",
    );
    let sts = sts("AssumeRole");
    let env = env(Some(home.path()), &[]);
    let context = Context::new()
        .with_env(env)
        .with_file_read(reach::Files)
        .with_http_send(sts.clone());
    let found = signed(local(), context).await.expect("signed");
    assert_eq!(found, ("ASIAROLEROLEROLEROLE".to_owned(), Some("token".to_owned())));
    let asked = sts.asked.lock().expect("no holder panics").clone();
    assert_eq!(asked.len(), 2, "{asked:?}");
    let has = |line: &str, parts: &[&str]| {
        parts
            .iter()
            .for_each(|part| assert!(line.contains(part), "{part} in {line}"))
    };
    has(
        &asked[0],
        &[
            "AKIDKEYS https://sts.eu-west-1.amazonaws.com/",
            "role%2Finner",
            "RoleSessionName=me",
        ],
    );
    has(
        &asked[1],
        &[
            "ASIAROLEROLEROLEROLE ",
            "role%2Fouter",
            "ExternalId=ext",
            "RoleSessionName=plano",
        ],
    );
    assert!(!asked[1].contains("nested"));
}

#[tokio::test]
async fn a_config_takes_a_role_with_what_is_found() {
    let sts = sts("AssumeRole");
    let keys = [("AWS_ACCESS_KEY_ID", "AKIDENV"), ("AWS_SECRET_ACCESS_KEY", "s")];
    let context = Context::new()
        .with_env(env(None, &keys))
        .with_file_read(reach::Files)
        .with_http_send(sts.clone());
    let access = Access {
        role: Some(Role {
            arn: "arn:aws:iam::123456789012:role/r".to_owned(),
            sts_region: "us-east-2".to_owned(),
            ..Role::default()
        }),
        ..local()
    };
    signed(access, context).await.expect("signed");
    let asked = sts.asked.lock().expect("no holder panics").clone();
    assert!(
        asked[0].starts_with("AKIDENV https://sts.us-east-2.amazonaws.com/"),
        "{asked:?}"
    );
}

#[tokio::test]
async fn a_web_identity_is_taken_and_its_failure_is_not_passed_over() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("token");
    std::fs::write(&file, "jwt-of-the-pod").expect("written");
    let variables = [
        ("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/pod"),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", file.to_str().expect("text")),
    ];
    let good = sts("AssumeRoleWithWebIdentity");
    let context = |sts: Sts| {
        Context::new()
            .with_env(env(None, &variables))
            .with_file_read(reach::Files)
            .with_http_send(sts)
    };
    let found = signed(local(), context(good.clone())).await.expect("signed");
    assert_eq!(found.0, "ASIAROLEROLEROLEROLE");
    let asked = good.asked.lock().expect("no holder panics").clone();
    assert!(
        asked[0].contains("jwt-of-the-pod") && asked[0].starts_with("nobody "),
        "{asked:?}"
    );
    assert!(asked[0].contains("RoleSessionName=plano"), "{asked:?}");
    let bad = Sts {
        answer: Arc::new(|| {
            (
                403,
                "<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>"
                    .to_owned(),
            )
        }),
        ..sts("AssumeRoleWithWebIdentity")
    };
    let told = signed(local(), context(bad)).await.expect_err("refused");
    assert!(
        told.contains("web identity") && !told.contains("jwt-of-the-pod"),
        "{told}"
    );
}

#[tokio::test]
async fn a_container_and_an_instance_are_asked_on_their_own_services() {
    let body = format!(
        r#"{{"Code":"Success","AccessKeyId":"ASIAMETA","SecretAccessKey":"s","Token":"t","Expiration":"{NEVER}"}}"#
    );
    let server = Server::start(move |seen| {
        Some(match seen.uri.path() {
            "/latest/api/token" if seen.method == "PUT" => text(200, &[], "session"),
            _ if seen.uri.path() != "/container" && seen.headers.get("x-aws-ec2-metadata-token").is_none() => {
                text(401, &[], "")
            }
            "/latest/meta-data/iam/security-credentials/" => text(200, &[], "my-role"),
            "/latest/meta-data/placement/region" => text(200, &[], "eu-central-1\n"),
            "/container" if seen.headers["authorization"] != "pod-token" => text(403, &[], ""),
            "/container" | "/latest/meta-data/iam/security-credentials/my-role" => text(200, &[], body.clone()),
            other => panic!("{other}"),
        })
    })
    .await;
    let at = format!("http://{}", server.address);
    let container = format!("{at}/container");
    let variables = [
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", container.as_str()),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "pod-token"),
    ];
    let found = signed_with(local(), env(None, &variables)).await.expect("signed");
    assert_eq!(found, ("ASIAMETA".to_owned(), Some("t".to_owned())));
    let variables = [("AWS_EC2_METADATA_SERVICE_ENDPOINT", at.as_str())];
    let found = signed_with(Access::default(), env(None, &variables))
        .await
        .expect("signed");
    assert_eq!(found.0, "ASIAMETA");
    let access = Access::default();
    let context = context(&access, env(None, &variables)).expect("a client");
    assert_eq!(region_in(&access, &context).await.expect("a region"), "eu-central-1");
    // Where that is not wanted, nobody is asked.
    let asked = server.seen().len();
    let told = signed_with(local(), env(None, &variables))
        .await
        .expect_err("no credentials");
    assert!(
        told.contains("environment: none") && told.contains("container: none"),
        "{told}"
    );
    assert_eq!(server.seen().len(), asked);
}

#[tokio::test]
async fn profiles_that_cannot_work_say_why() {
    let check = async |config: &str, part: &str| {
        let home = home(config, "");
        let told = signed_with(local(), env(Some(home.path()), &[]))
            .await
            .expect_err("no credentials");
        assert!(told.contains(part), "{told}");
    };
    check(
        "[default]\nrole_arn = arn:aws:iam::123456789012:role/r\nmfa_serial = m\nsource_profile = x\n",
        "MFA",
    )
    .await;
    check(
        "[default]\nrole_arn = arn:aws:iam::123456789012:role/r\n",
        "without source_profile",
    )
    .await;
    check(
        "[default]\nrole_arn = arn:aws:iam::123456789012:role/r\nsource_profile = x\n",
        "no credentials to take it with",
    )
    .await;
    check("[default]\ncredential_process = /bin/keys\n", "not run here").await;
    check(
        "[default]\naws_access_key_id = AKID\n",
        "profile \"default\" has aws_access_key_id, but no aws_secret_access_key",
    )
    .await;
    check(
        "[default]\naws_access_key_id =\naws_secret_access_key = s\n",
        "has aws_secret_access_key, but no aws_access_key_id",
    )
    .await;
    let circle = "[default]\nrole_arn = arn:aws:iam::123456789012:role/r\nsource_profile = a\n\
                  [profile a]\nrole_arn = arn:aws:iam::123456789012:role/a\nsource_profile = default\n";
    check(circle, "name each other").await;
    let access = Access {
        profile: "absent".to_owned(),
        ..local()
    };
    let told = signed_with(access, env(None, &[])).await.expect_err("no profile");
    assert!(told.contains("there is no profile \"absent\""), "{told}");
    let files = [("AWS_SHARED_CREDENTIALS_FILE", "/no/such/file")];
    let told = signed_with(local(), env(None, &files)).await.expect_err("no file");
    assert!(told.contains("cannot read /no/such/file"), "{told}");
}

#[tokio::test]
async fn the_region_is_the_first_that_is_written() {
    let home = home("[default]\nregion = eu-north-1\n", "");
    let check = async |region: &str, variables: &[(&str, &str)], expected: Result<&str, &str>| {
        let access = Access {
            region: region.to_owned(),
            ..local()
        };
        let home = (!variables.contains(&("HOME", "none"))).then_some(home.path());
        let context = context(&access, env(home, variables)).expect("a client");
        match (region_in(&access, &context).await, expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found, expected),
            (Err(told), Err(part)) => assert!(told.to_string().contains(part), "{told}"),
            (found, expected) => panic!("{found:?}, not {expected:?}"),
        }
    };
    let both = [("AWS_REGION", "us-east-1"), ("AWS_DEFAULT_REGION", "us-east-2")];
    check("eu-west-1", &both, Ok("eu-west-1")).await;
    check("", &both, Ok("us-east-1")).await;
    check("", &both[1..], Ok("us-east-2")).await;
    check("", &[], Ok("eu-north-1")).await;
    check("", &[("HOME", "none")], Err("set `region`, AWS_REGION")).await;
    check(
        "",
        &[("AWS_REGION", "evil.example/")],
        Err("AWS_REGION: \"evil.example/\" is no region"),
    )
    .await;
}

#[test]
fn partitions_have_their_own_domains() {
    let check = |region: &str, expected: &str| {
        assert_eq!(endpoint("xray", region), format!("https://xray.{region}.{expected}"))
    };
    check("eu-west-1", "amazonaws.com");
    check("us-gov-west-1", "amazonaws.com");
    check("cn-north-1", "amazonaws.com.cn");
    check("eusc-de-east-1", "amazonaws.eu");
    check("us-isof-south-1", "csp.hci.ic.gov");
    check("eu-isoe-west-1", "cloud.adc-e.uk");
    for wrong in ["", "Frankfurt", "eu west", "-eu", "eu.west", &"e".repeat(64)] {
        assert!(!is_region(wrong), "{wrong}");
    }
}

#[tokio::test]
async fn empty_variables_are_not_set() {
    let home = home("", "[default]\naws_access_key_id=AKIDFILE\naws_secret_access_key=s\n");
    let all = [
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_ROLE_ARN",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_EC2_METADATA_SERVICE_ENDPOINT",
        "AWS_PROFILE",
    ];
    let empty = all.map(|name| (name, ""));
    let found = signed_with(local(), env(Some(home.path()), &empty))
        .await
        .expect("signed");
    assert_eq!(found, ("AKIDFILE".to_owned(), None));
    let mut keys = empty;
    (keys[0].1, keys[1].1) = ("AKIDENV", "s");
    let found = signed_with(local(), env(None, &keys)).await.expect("signed");
    assert_eq!(found, ("AKIDENV".to_owned(), None));
    let told = signed_with(local(), env(None, &empty)).await.expect_err("none");
    assert!(
        told.contains("environment: none") && told.contains("container: none"),
        "{told}"
    );
    let metadata = Written(env(
        None,
        &[("AWS_EC2_METADATA_DISABLED", "True"), ("AWS_PROFILE", " ")],
    ));
    assert_eq!(
        metadata.vars(),
        [("AWS_EC2_METADATA_DISABLED".to_owned(), "true".to_owned())].into()
    );
}

#[tokio::test]
async fn one_key_of_two_is_a_mistake() {
    let check = async |set: &str, unset: &str| {
        let told = signed_with(local(), env(None, &[(set, "x"), (unset, "")]))
            .await
            .expect_err("half");
        assert!(
            told.contains(&format!("environment: {set} is set, {unset} is not")),
            "{told}"
        );
    };
    check("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY").await;
    check("AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID").await;
}

#[tokio::test]
async fn indented_files_are_read() {
    let nested = "[default]\n    region = eu-west-1\n    s3 =\n        aws_access_key_id = nested\n\n        x = y\n\
                  \n    # a comment\n    aws_session_token =\n    aws_access_key_id = AKIDIN\n\taws_secret_access_key = s\n";
    let found = profile::sections(nested, false);
    let expected = [
        ("region", "eu-west-1"),
        ("s3", ""),
        ("aws_session_token", ""),
        ("aws_access_key_id", "AKIDIN"),
        ("aws_secret_access_key", "s"),
    ];
    let expected = expected.map(|(key, value)| (key.to_owned(), value.to_owned()));
    assert_eq!(found, [("default".to_owned(), expected.into())]);
    let home = home(
        "",
        "[default]\n    aws_access_key_id = AKIDIN\n    aws_secret_access_key = s\n",
    );
    let found = signed_with(local(), env(Some(home.path()), &[])).await.expect("signed");
    assert_eq!(found.0, "AKIDIN");
}

#[tokio::test]
async fn a_failure_tells_its_place_and_its_cause() {
    let told = async |variables: &[(&str, &str)]| {
        signed_with(local(), env(None, variables))
            .await
            .expect_err("no credentials")
    };
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let place = free.local_addr().expect("an address").to_string();
    drop(free);
    let uri = format!("http://{place}/creds");
    let text = told(&[("AWS_CONTAINER_CREDENTIALS_FULL_URI", &uri)]).await;
    assert!(
        text.contains(&format!("(endpoint: {uri})"))
            && text.contains(&format!("{place} does not answer"))
            && text.contains("onnection refused"),
        "{text}"
    );
    let web = [
        ("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/r"),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", "/no/token"),
    ];
    let text = told(&web).await;
    assert!(text.contains("cannot read /no/token: No such file"), "{text}");
    let server = Server::start(|seen| {
        Some(match seen.uri.path() {
            "/lacks" => text_of(r#"{"AccessKeyId":"AKIDLEAK","SecretAccessKey":"leak","Token":"leak"}"#),
            "/wrong" => text_of(r#"{"AccessKeyId":"A","SecretAccessKey":"s","Token":"t","Expiration":4321}"#),
            _ => {
                text_of(r#"{"AccessKeyId":"A","SecretAccessKey":"s","Token":"t","Expiration":"2020-01-01T00:00:00Z"}"#)
            }
        })
    })
    .await;
    let from = async |path: &str| {
        let uri = format!("http://{}{path}", server.address);
        told(&[("AWS_CONTAINER_CREDENTIALS_FULL_URI", &uri)]).await
    };
    let text = from("/lacks").await;
    assert!(
        text.contains("missing field `Expiration`") && !text.to_lowercase().contains("leak"),
        "{text}"
    );
    let text = from("/wrong").await;
    assert!(
        text.contains("a member is of another type") && !text.contains("4321"),
        "{text}"
    );
    assert!(from("/past").await.contains("container: they have expired"));
}

fn text_of(body: &'static str) -> crate::net::testing::Answer {
    text(200, &[], body)
}

#[test]
fn the_endpoint_of_the_environment_is_told_with_its_variable() {
    let of = |variables: &[(&str, &str)]| endpoint_in("xray", env(None, variables));
    let found = |name: &str, url: &str| Some((name.to_owned(), url.to_owned()));
    let (own, any) = ("AWS_ENDPOINT_URL_XRAY", "AWS_ENDPOINT_URL");
    assert_eq!(of(&[(own, "http://a"), (any, "http://b")]), found(own, "http://a"));
    assert_eq!(of(&[(own, ""), (any, "http://b")]), found(any, "http://b"));
    assert_eq!(of(&[(own, ""), (any, "")]), None);
}
