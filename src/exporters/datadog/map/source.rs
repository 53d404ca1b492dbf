//! Which host a resource runs on, as Datadog would name it: from what the cloud, Kubernetes or the user says. Serverless programs have no
//! host.

use super::attributes::Attributes;
use crate::otlp::keys::{self, datadog as dd};

/// Names that every machine calls itself.
const NO_HOSTS: [&str; 6] = [
    "0.0.0.0",
    "127.0.0.1",
    "localhost",
    "localhost.localdomain",
    "localhost6.localdomain6",
    "ip6-localhost",
];

/// Where spans come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    /// A host of that name, perhaps empty.
    Host(String),
    /// Something without a host.
    Serverless,
    /// The resource does not say.
    Unknown,
}

/// Reads a resource.
pub(super) fn source(resource: &Attributes<'_>) -> Source {
    let platform = resource.string(dd::CLOUD_PLATFORM).unwrap_or_default();
    let is_azure_app = matches!(
        platform,
        "azure.functions" | "azure_functions" | "azure.app_service" | "azure_app_service"
    );
    if is_azure_app
        && has_all(
            resource,
            &[keys::SERVICE_NAME, dd::CLOUD_ACCOUNT_ID, dd::AZURE_RESOURCE_GROUP_NAME],
        )
    {
        return Source::Serverless;
    }
    if matches!(platform, "gcp_cloud_functions" | "gcp_cloud_run") {
        let is_job = [dd::GCP_CLOUD_RUN_JOB_EXECUTION, dd::GCP_CLOUD_RUN_JOB_TASK_INDEX]
            .iter()
            .any(|key| resource.get(key).is_some());
        let all = [dd::CLOUD_ACCOUNT_ID, dd::CLOUD_REGION, dd::FAAS_NAME, dd::FAAS_INSTANCE];
        return if !is_job && has_all(resource, &all) {
            Source::Serverless
        } else {
            Source::Unknown
        };
    }
    if matches!(platform, "azure.container_apps" | "azure_container_apps") {
        return Source::Serverless;
    }
    if on_fargate(resource) && resource.get(dd::AWS_ECS_TASK_ARN).is_some() {
        return Source::Serverless;
    }
    match host(resource) {
        Some(host) if !NO_HOSTS.contains(&host.as_str()) => Source::Host(host),
        _ => Source::Unknown,
    }
}

fn has_all(resource: &Attributes<'_>, keys: &[&str]) -> bool {
    keys.iter().all(|key| resource.text(key).is_some())
}

fn on_fargate(resource: &Attributes<'_>) -> bool {
    resource.string(dd::AWS_ECS_LAUNCHTYPE) == Some("fargate")
}

fn host(resource: &Attributes<'_>) -> Option<String> {
    let owned = |key: &str| resource.string(key).map(str::to_owned);
    if let Some(value) = resource.get(dd::HOST) {
        return Some(super::attributes::as_text(value).into_owned());
    }
    if let Some(named) = owned(dd::DATADOG_HOST_NAME) {
        return Some(named);
    }
    if on_fargate(resource) {
        return None;
    }
    match resource.string(dd::CLOUD_PROVIDER) {
        Some("aws") => return owned(dd::HOST_ID),
        Some("gcp") => return gcp_host(resource),
        Some("azure") => return owned(dd::HOST_ID).or_else(|| owned(keys::HOST_NAME)),
        _ => {}
    }
    kubernetes_host(resource)
        .or_else(|| owned(dd::HOST_ID))
        .or_else(|| owned(keys::HOST_NAME))
}

/// The instance's short name and its project.
fn gcp_host(resource: &Attributes<'_>) -> Option<String> {
    let name = resource.string(keys::HOST_NAME)?;
    let short = match name.split_once('.') {
        Some((first, _)) if name.matches('.').count() >= 3 => first,
        _ => name,
    };
    let project = resource.string(dd::CLOUD_ACCOUNT_ID)?;
    Some(format!("{short}.{project}"))
}

/// The node and, where it is known, its cluster.
fn kubernetes_host(resource: &Attributes<'_>) -> Option<String> {
    let node = resource.string(dd::K8S_NODE_NAME)?;
    Some(match resource.string(dd::K8S_CLUSTER_NAME) {
        Some(cluster) => format!("{node}-{cluster}"),
        None => node.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::otlp::{SpanBuilder, SpanId, TraceId, Value};

    fn check(attributes: &[(&str, &str)], expected: Source) {
        let attributes: Vec<_> = attributes.iter().map(|(key, text)| (*key, Value::Str(text))).collect();
        let span = SpanBuilder::new(TraceId([1; 16]), SpanId([1; 8]), "op");
        let batch = SpanBuilder::batch(&attributes, ("", ""), [span]);
        let resource = batch.resource_spans().next().unwrap();
        assert_eq!(
            source(&Attributes::read(resource.attributes())),
            expected,
            "{attributes:?}"
        );
    }

    fn host(name: &str) -> Source {
        Source::Host(name.to_owned())
    }

    #[test]
    fn hosts() {
        check(&[], Source::Unknown);
        check(&[("host.name", "web-1")], host("web-1"));
        check(&[("host.name", "localhost")], Source::Unknown);
        check(&[("host.name", "web-1"), ("host.id", "abc")], host("abc"));
        check(&[("host.name", "web-1"), ("datadog.host.name", "shown")], host("shown"));
        check(&[("datadog.host.name", "shown"), ("host", "first")], host("first"));
        let node = ("k8s.node.name", "node-1");
        check(&[node, ("host.name", "x")], host("node-1"));
        check(&[node, ("k8s.cluster.name", "prod")], host("node-1-prod"));
    }

    #[test]
    fn clouds() {
        let aws = ("cloud.provider", "aws");
        check(&[aws, ("host.id", "i-1"), ("host.name", "ip-10-0-0-7")], host("i-1"));
        check(&[aws, ("host.name", "ip-10-0-0-7")], Source::Unknown);
        let gcp = ("cloud.provider", "gcp");
        let project = ("cloud.account.id", "p-1");
        check(&[gcp, ("host.name", "vm.c.p-1.internal"), project], host("vm.p-1"));
        check(&[gcp, ("host.name", "vm")], Source::Unknown);
        let azure = ("cloud.provider", "azure");
        check(&[azure, ("host.id", "vm-id"), ("host.name", "vm")], host("vm-id"));
        check(&[azure, ("host.name", "vm")], host("vm"));
    }

    #[test]
    fn serverless() {
        let task = ("aws.ecs.task.arn", "arn");
        check(
            &[("aws.ecs.launchtype", "fargate"), task, ("host.name", "x")],
            Source::Serverless,
        );
        check(
            &[("aws.ecs.launchtype", "fargate"), ("host.name", "x")],
            Source::Unknown,
        );
        check(&[("cloud.platform", "azure.container_apps")], Source::Serverless);
        let run = ("cloud.platform", "gcp_cloud_run");
        let all = [
            run,
            ("cloud.account.id", "p"),
            ("cloud.region", "r"),
            ("faas.name", "f"),
            ("faas.instance", "i"),
        ];
        check(&all, Source::Serverless);
        check(&all[..4], Source::Unknown);
        check(
            &[&all[..], &[("gcp.cloud_run.job.execution", "e")]].concat(),
            Source::Unknown,
        );
    }
}
