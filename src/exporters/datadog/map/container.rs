//! Tags of the container that a resource runs in: what OTel says, what the user adds (`datadog.container.tag.*`) and what already has
//! Datadog's names. The latter two are not tags of the spans again.

use std::collections::BTreeMap;

use super::attributes::Attributes;
use crate::otlp::{ValueRef, keys::datadog as dd};

/// OTel's names and Datadog's.
const NAMES: [(&str, &str); 25] = [
    (dd::AWS_ECS_CLUSTER_ARN, "ecs_cluster_name"),
    (dd::AWS_ECS_CONTAINER_ARN, "ecs_container_name"),
    (dd::AWS_ECS_TASK_ARN, "task_arn"),
    (dd::AWS_ECS_TASK_FAMILY, "task_family"),
    (dd::AWS_ECS_TASK_REVISION, "task_version"),
    (dd::CLOUD_AVAILABILITY_ZONE, "zone"),
    (dd::CLOUD_PROVIDER, "cloud_provider"),
    (dd::CLOUD_REGION, "region"),
    (dd::CONTAINER_ID, "container_id"),
    (dd::CONTAINER_IMAGE_NAME, "image_name"),
    (dd::CONTAINER_IMAGE_TAG, "image_tag"),
    (dd::CONTAINER_IMAGE_TAGS, "image_tag"),
    (dd::CONTAINER_NAME, "container_name"),
    (dd::CONTAINER_RUNTIME, "runtime"),
    (dd::K8S_CLUSTER_NAME, "kube_cluster_name"),
    (dd::K8S_CONTAINER_NAME, "kube_container_name"),
    (dd::K8S_CRONJOB_NAME, "kube_cronjob"),
    (dd::K8S_DAEMONSET_NAME, "kube_daemon_set"),
    (dd::K8S_DEPLOYMENT_NAME, "kube_deployment"),
    (dd::K8S_JOB_NAME, "kube_job"),
    (dd::K8S_NAMESPACE_NAME, "kube_namespace"),
    (dd::K8S_NODE_NAME, "kube_node"),
    (dd::K8S_POD_NAME, "pod_name"),
    (dd::K8S_REPLICASET_NAME, "kube_replica_set"),
    (dd::K8S_STATEFULSET_NAME, "kube_stateful_set"),
];

/// Where a tag was found; a later one wins.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Origin {
    Datadog,
    User,
    Otel,
}

/// A resource's tags of its container, joined, and the resource without those that are nothing else.
pub(super) fn take<'a>(resource: &Attributes<'a>) -> (String, Attributes<'a>) {
    let mut tags: BTreeMap<&str, (Origin, &str)> = BTreeMap::new();
    for (key, value) in resource.iter() {
        if let Some((origin, name, text)) = tag(key, &value) {
            let found = tags.entry(name).or_insert((origin, text));
            if origin > found.0 {
                *found = (origin, text);
            }
        }
    }
    let joined: Vec<_> = tags.iter().map(|(name, (_, text))| format!("{name}:{text}")).collect();
    let rest = resource.filtered(|key, value| !matches!(tag(key, value), Some((Origin::Datadog | Origin::User, ..))));
    (joined.join(","), rest)
}

fn tag<'a>(key: &'a str, value: &ValueRef<'a>) -> Option<(Origin, &'a str, &'a str)> {
    let text = match value {
        ValueRef::Array(array) if key == dd::CONTAINER_IMAGE_TAGS => array.values().next()?.as_str()?,
        value => value.as_str()?,
    };
    if text.is_empty() {
        return None;
    }
    if NAMES.iter().any(|(_, theirs)| *theirs == key) {
        return Some((Origin::Datadog, key, text));
    }
    if let Some(name) = key.strip_prefix(dd::CONTAINER_TAG_PREFIX) {
        return Some((Origin::User, name, text));
    }
    let (_, theirs) = NAMES.iter().find(|(otel, _)| *otel == key)?;
    Some((Origin::Otel, theirs, text))
}
