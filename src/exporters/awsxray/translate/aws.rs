//! The `aws` block of a segment and its origin: where the program runs, what it called, which SDK wrote the span. Takes the attributes
//! that it reads off those that become metadata. A resource of another cloud has no such block.

use serde_json::Value;

use super::{
    Attributes, Resource, Settings,
    object::{Object, text},
};
use crate::otlp::{ValueRef, keys, keys::xray};

const EC2: &str = "aws_ec2";
const ECS: &str = "aws_ecs";
const EKS: &str = "aws_eks";
const BEANSTALK: &str = "aws_elastic_beanstalk";
const APP_RUNNER: &str = "aws_app_runner";

/// Members of the block that tell of a call; a segment that stands for a service alone has none of them.
pub(super) const OF_CALLS: &[&str] = &[
    "operation",
    "account_id",
    "region",
    "request_id",
    "queue_url",
    "table_name",
    "table_names",
];

/// The block, and the attributes that it leaves.
pub(super) fn block<'a>(
    attributes: Attributes<'a>,
    resource: &Resource<'a>,
    settings: &Settings,
) -> (Attributes<'a>, Option<Object>) {
    let mut call = Call {
        account: resource.text(xray::CLOUD_ACCOUNT_ID),
        ..Call::default()
    };
    let left = call.take(attributes);
    let cloud = resource.text(keys::xray::CLOUD_PROVIDER);
    if !matches!(cloud, "" | "aws") {
        return (left, None);
    }
    let mut block = Object::default();
    block.text("account_id", call.account);
    place(resource, &mut block);
    logs(resource, settings, &mut block);
    block.set("xray", sdk(resource));
    block.text("operation", call.operation);
    block.text("region", call.region);
    block.text("request_id", call.request_id);
    block.text("queue_url", call.queue_url);
    block.text("table_name", call.table_name);
    if !call.table_names.is_empty() {
        block.set("table_names", call.table_names);
    }
    (left, Some(block))
}

/// What a span calls.
#[derive(Default)]
struct Call<'a> {
    account: &'a str,
    operation: &'a str,
    region: &'a str,
    request_id: &'a str,
    queue_url: &'a str,
    table_name: &'a str,
    table_names: Vec<&'a str>,
}

impl<'a> Call<'a> {
    fn take(&mut self, mut attributes: Attributes<'a>) -> Attributes<'a> {
        let method = attributes.remove(xray::RPC_METHOD);
        let operation = attributes.remove(xray::AWS_OPERATION).or(method);
        self.operation = operation.map(text).unwrap_or_default();
        match attributes.remove(xray::AWS_ACCOUNT_ID) {
            None | Some(ValueRef::Empty) => {}
            Some(account) => self.account = text(account),
        }
        let mut take = |names: &[&str]| {
            // All spellings go; the first one that is there counts.
            let found: Vec<_> = names.iter().filter_map(|name| attributes.remove(*name)).collect();
            found.first().copied().map(text).unwrap_or_default()
        };
        self.region = take(&[xray::AWS_REGION]);
        self.request_id = take(&[xray::AWS_REQUEST_ID, xray::AWS_REQUEST_ID_CAMEL]);
        self.queue_url = take(&[xray::AWS_QUEUE_URL, xray::AWS_QUEUE_URL_DOTTED]);
        self.table_name = take(&[xray::AWS_TABLE_NAME, xray::AWS_TABLE_NAME_DOTTED]);
        if let Some(&url) = attributes.get(xray::MESSAGING_URL) {
            self.queue_url = text(url);
        }
        match attributes.get(xray::AWS_DYNAMODB_TABLE_NAMES) {
            Some(ValueRef::Str(name)) => self.table_name = name,
            Some(ValueRef::Array(names)) => {
                let names: Vec<&str> = names.values().map(text).collect();
                match names.as_slice() {
                    [] => {}
                    [name] => self.table_name = name,
                    _ => (self.table_name, self.table_names) = ("", names),
                }
            }
            _ => {}
        }
        attributes
    }
}

/// Where the program runs.
fn place(resource: &Resource<'_>, block: &mut Object) {
    let platform = resource.text(xray::CLOUD_PLATFORM);
    let zone = resource.text(xray::CLOUD_AVAILABILITY_ZONE);
    let (host, cluster) = (resource.text(xray::HOST_ID), resource.text(xray::K8S_CLUSTER_NAME));
    let deployment = resource.text(keys::SERVICE_INSTANCE_ID);
    let container_id = resource.text(xray::CONTAINER_ID);
    if platform == BEANSTALK && !deployment.is_empty() {
        let mut part = Object::default();
        part.text_or_null("environment_name", resource.text(xray::SERVICE_NAMESPACE));
        part.text_or_null("version_label", resource.text(keys::SERVICE_VERSION));
        part.set("deployment_id", deployment.parse::<i64>().unwrap_or_default());
        block.set("elastic_beanstalk", part);
    }
    if platform == ECS {
        let mut part = Object::default();
        part.text("container", resource.first_text(xray::CONTAINER_NAME));
        part.text("container_id", container_id);
        part.text("task_arn", resource.text(xray::AWS_ECS_TASK_ARN));
        part.text("task_family", resource.text(xray::AWS_ECS_TASK_FAMILY));
        part.text("cluster_arn", resource.text(xray::AWS_ECS_CLUSTER_ARN));
        part.text("container_arn", resource.text(xray::AWS_ECS_CONTAINER_ARN));
        part.text("availability_zone", zone);
        part.text("launch_type", resource.text(xray::AWS_ECS_LAUNCHTYPE));
        block.set("ecs", part);
    }
    if platform == EC2 || !host.is_empty() {
        let mut part = Object::default();
        part.text_or_null("instance_id", host);
        part.text_or_null("availability_zone", zone);
        part.text_or_null("instance_size", resource.text(xray::HOST_TYPE));
        part.text_or_null("ami_id", resource.text(xray::HOST_IMAGE_ID));
        block.set("ec2", part);
    }
    if platform == EKS || !cluster.is_empty() {
        let mut part = Object::default();
        part.text_or_null("cluster_name", cluster);
        part.text_or_null("pod", resource.text(xray::K8S_POD_NAME));
        part.text_or_null("container_id", container_id);
        block.set("eks", part);
    }
}

/// Log groups: of the resource by ARN, of the resource by name, of the config.
fn logs(resource: &Resource<'_>, settings: &Settings, block: &mut Object) {
    let listed = |key: &str| -> Vec<String> {
        match resource.get(key) {
            // The form of the environment's variable.
            Some(ValueRef::Str(joined)) => joined.split('&').filter(|s| !s.is_empty()).map(str::to_owned).collect(),
            Some(ValueRef::Array(array)) => array.values().map(|value| text(value).to_owned()).collect(),
            _ => Vec::new(),
        }
    };
    let (arns, names) = (listed(xray::AWS_LOG_GROUP_ARNS), listed(xray::AWS_LOG_GROUP_NAMES));
    let is_arn = !arns.is_empty();
    let groups = match (is_arn, names.is_empty()) {
        (true, _) => &arns,
        (false, false) => &names,
        (false, true) => &settings.log_groups,
    };
    let groups: Vec<Value> = groups
        .iter()
        .map(|group| {
            let mut part = Object::default();
            // arn:aws:logs:REGION:ACCOUNT:log-group:NAME
            let name = group.split(':').nth(6).filter(|_| is_arn).unwrap_or(group);
            part.text_or_null("log_group", name);
            if is_arn {
                part.text("arn", group);
            }
            part.into()
        })
        .collect();
    if !groups.is_empty() {
        block.set("cloudwatch_logs", groups);
    }
}

/// Who wrote the span.
fn sdk(resource: &Resource<'_>) -> Object {
    let name = resource.text(keys::TELEMETRY_SDK_NAME);
    let language = resource.text(keys::TELEMETRY_SDK_LANGUAGE);
    let mut part = Object::default();
    match (name, language) {
        ("", _) | (_, "") => part.text("sdk", name),
        _ => part.set("sdk", format!("{name} for {language}")),
    }
    part.text("sdk_version", resource.text(keys::TELEMETRY_SDK_VERSION));
    let versions = [xray::TELEMETRY_AUTO_VERSION, xray::TELEMETRY_DISTRO_VERSION];
    let is_auto = versions.iter().any(|key| !resource.text(key).is_empty());
    part.set("auto_instrumentation", is_auto);
    part
}

/// The kind of AWS resource that the program runs on; empty where none is known.
pub(super) fn origin(resource: &Resource<'_>) -> &'static str {
    if resource
        .get(xray::CLOUD_PROVIDER)
        .is_some_and(|cloud| text(cloud) != "aws")
    {
        return "";
    }
    let launch = resource.text(xray::AWS_ECS_LAUNCHTYPE);
    match (resource.first_text(xray::CLOUD_PLATFORM), launch) {
        (APP_RUNNER, _) => "AWS::AppRunner::Service",
        (EKS, _) => "AWS::EKS::Container",
        (BEANSTALK, _) => "AWS::ElasticBeanstalk::Environment",
        (ECS, "ec2") => "AWS::ECS::EC2",
        (ECS, "fargate") => "AWS::ECS::Fargate",
        (ECS, _) => "AWS::ECS::Container",
        (EC2, _) => "AWS::EC2::Instance",
        _ => "",
    }
}
