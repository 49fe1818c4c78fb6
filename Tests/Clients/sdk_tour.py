"""Drives the service with the official Python SDK, unchanged, through every call that the service answers. Whatever the
SDK's strict models refuse is an exception. Prints the calls that were made, one a line."""

import datetime
import hashlib
import json
import os
import sys
import time
import urllib.request

import mixpeek
import mixpeek.api
from mixpeek import models
from mixpeek.exceptions import ApiException

URL, KEY = os.environ["PORTCULLIS_TEST_URL"], os.environ["PORTCULLIS_TEST_KEY"]
ADMIN = os.environ["PORTCULLIS_TEST_USER"]

calls = []


def client(key=KEY):
    return mixpeek.ApiClient(mixpeek.Configuration(host=URL, access_token=key))


def call(api, name, /, *arguments, **named):
    calls.append(name)
    return getattr(api, name)(*arguments, **named)


def check(condition, message):
    if not condition:
        sys.exit(f"the SDK got something else than expected: {message}")


def refused(status, code, api, name, /, *arguments, **named):
    """The SDK's exception for an answer that is an error, with the body parsed by its model."""
    try:
        getattr(api, name)(*arguments, **named)
    except ApiException as error:
        check(error.status == status, f"{name} gave {error.status} {error.body}, expected {status}")
        body = models.ErrorResponse.from_json(error.body)
        check(body.success is False and body.error.code == code, f"{name} gave {error.body}, expected {code}")
        return body
    sys.exit(f"{name} succeeded, expected {status}")


def organization(api):
    api = mixpeek.OrganizationsApi(api)
    read = call(api, "get_organization")
    check(isinstance(read, models.OrganizationModelResponse), repr(read))
    check(read.account_type == "pro" and read.credit_count == 100_000, repr(read))
    update = models.OrganizationUpdateRequest(
        organization_name="Söhne & Töchter",
        logo_url="https://example.org/logo.png",
        billing_email="billing@example.org",
        notifications_email="alerts@example.org",
        metadata={"plan": {"nested": [1, 2.5, None, True]}},
        rate_limit_overrides=models.BaseRateLimits(metadata=5000, data=4000, search=3000, upload=2000, compute=1000),
        default_llm_credentials={"openai": "openai_key"},
        nsfw_check_enabled=False,
        nsfw_fail_closed=True,
    )
    refused(422, "validation_error", api, "update_organization", update)
    secrets(api.api_client)
    webhooks(api.api_client)
    updated = call(api, "update_organization", update)
    check(updated.organization_name == "Söhne & Töchter", repr(updated))
    check(updated.metadata == {"plan": {"nested": [1, 2.5, None, True]}}, repr(updated))
    check(updated.rate_limits.upload == 2000, repr(updated))
    check(updated.default_llm_credentials == {"openai": "openai_key"}, repr(updated))
    credits = call(api, "get_credits_organizations")
    check(credits["credit_count"] == 100_000, repr(credits))


def webhooks(api):
    """The SDK knows only the official names of events, which stand for ours."""
    api = mixpeek.api.WebhooksApi(api)

    def described(name, **configs):
        config = models.WebhookConfig(url="https://hooks.example.org/portcullis", **configs)
        channel = models.WebhookChannelInput(channel="webhook", configs=models.Configs(config))
        return models.WebhookInput(
            webhook_name=name, event_types=["object.created", "resource.execution_failed"], channels=[channel]
        )

    made = call(api, "create_webhook_organizations", described("storage", headers={"X-Token": "t"}, timeout=5))
    config = made.channels[0].configs.actual_instance
    check(isinstance(config, models.WebhookConfig) and config.signing_secret.startswith("whsec_"), repr(made))
    check(config.headers == {"X-Token": "redacted"} and config.timeout == 5, repr(made))
    refused(409, "already_exists", api, "create_webhook_organizations", described("storage"))
    read = call(api, "get_webhook_organizations", made.webhook_id)
    check(read.webhook_name == "storage" and read.is_active is True, repr(read))
    check(read.channels[0].configs.actual_instance.signing_secret == "redacted", repr(read))
    listed = call(api, "list_webhooks_organizations")
    check(listed.total == 1 and listed.results[0].webhook_id == made.webhook_id, repr(listed))
    wanted = models.ListWebhooksRequest(event_type="object.deleted", is_active=True)
    check(call(api, "list_webhooks_organizations", list_webhooks_request=wanted).total == 0, "filtered")
    changed = call(api, "update_webhook_organizations", made.webhook_id, described("renamed"))
    check(changed.webhook_name == "renamed" and changed.updated_at >= made.updated_at, repr(changed))
    check(call(api, "delete_webhook_organizations", made.webhook_id) is None, "delete")
    refused(404, "not_found", api, "get_webhook_organizations", made.webhook_id)


def secrets(api):
    api = mixpeek.OrganizationSecretsApi(api)
    create = models.CreateSecretRequest(secret_name="openai_key", secret_value="sk-very-secret")
    check(call(api, "create_secret_organizations", create).created is True, "no secret was created")
    refused(409, "already_exists", api, "create_secret_organizations", create)
    call(api, "create_secret_organizations", models.CreateSecretRequest(secret_name="a b/c", secret_value="x"))
    listed = call(api, "list_secrets_organizations")
    check(listed.secrets == ["a b/c", "openai_key"] and listed.count == 2, repr(listed))
    update = models.UpdateSecretRequest(secret_value="another")
    check(call(api, "update_secret_organizations_name", "a b/c", update).updated is True, "no update")
    check(call(api, "delete_secret_organizations_name", "a b/c").deleted is True, "no deletion")
    refused(404, "not_found", api, "delete_secret_organizations_name", "a b/c")


def users(api):
    api = mixpeek.OrganizationUsersApi(api)
    create = models.UserCreateRequest(
        email="member@example.org", user_name="Member", role=models.UserRole.MEMBER, metadata={"team": "a"}
    )
    created = call(api, "create_user_organizations", create)
    check(created["email"] == "member@example.org" and created["role"] == "member", repr(created))
    refused(409, "already_exists", api, "create_user_organizations", create)
    check(call(api, "get_user_organizations_email", "member@example.org")["user_name"] == "Member", "another name")
    listed = call(api, "list_users_organizations", skip=0, limit=10, role=models.UserRole.MEMBER)
    check([user["email"] for user in listed["results"]] == ["member@example.org"], repr(listed))
    update = models.UserUpdateRequest(user_name="Renamed", metadata={})
    changed = call(api, "update_user_organizations_email", "member@example.org", update)
    check(changed["user_name"] == "Renamed" and changed["metadata"] == {}, repr(changed))


def keys(api):
    keys, email = mixpeek.OrganizationAPIKeysApi(api), "member@example.org"
    expiry = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=1)
    create = models.APIKeyCreateRequest(
        name="a key / with spaces",
        description="for the tour",
        permissions=[models.Permission.READ, models.Permission.WRITE],
        rate_limit_override=1000,
        expires_at=expiry,
    )
    created = call(keys, "create_key_organizations_users_email", email, create)
    check(isinstance(created, models.APIKeyCreateResponse) and created.key.startswith("sk_"), repr(created))
    check(abs((created.expires_at - expiry).total_seconds()) < 1, repr(created))
    check(mixpeek.OrganizationsApi(client(created.key)).get_organization().organization_name, "the key is not good")
    # What would not be enforced is refused, instead of being taken silently.
    restricted = models.APIKeyCreateRequest(name="restricted", allowed_origins=["https://example.org"])
    body = refused(422, "validation_error", keys, "create_key_organizations_users_email", email, restricted)
    check(body.error.details["validation_errors"][0]["location"] == ["body", "allowed_origins"], repr(body))

    listed = call(keys, "list_keys_organizations_users_email", email, include_revoked=True)
    check(models.APIKeyModel.from_dict(listed["results"][0]).name == "a key / with spaces", repr(listed))
    update = models.APIKeyUpdateRequest(name="renamed", description="changed", permissions=[models.Permission.READ])
    updated = call(keys, "update_key_organizations_users_email_name", email, "a key / with spaces", update)
    check(isinstance(updated, models.APIKeyModel) and updated.permissions == ["read"], repr(updated))
    rotated = call(keys, "rotate_key_organizations_users_email_name", email, "renamed")
    check(rotated.key != created.key and rotated.key_id == created.key_id, repr(rotated))
    refused(401, "unauthorized", mixpeek.OrganizationsApi(client(created.key)), "get_organization")
    reader = mixpeek.OrganizationsApi(client(rotated.key))
    check(reader.get_organization().organization_name, "the new secret is not good")
    refused(403, "forbidden", reader, "update_organization", models.OrganizationUpdateRequest(organization_name="No"))
    used = call(mixpeek.OrganizationUsageApi(api), "get_key_usage_organizations", rotated.key_id)
    check(used["credits"] == 0 and used["key_id"] == rotated.key_id, repr(used))
    check(call(keys, "delete_key_organizations_users_email_name", email, "renamed").success is True, "not revoked")
    refused(401, "unauthorized", reader, "get_organization")
    refused(404, "not_found", keys, "delete_key_organizations_users_email_name", email, "renamed")
    # Nobody shuts the door behind the last administrator.
    for key in mixpeek.OrganizationAPIKeysApi(api).list_keys_organizations_users_email(ADMIN)["results"]:
        refused(409, "conflict", keys, "delete_key_organizations_users_email_name", ADMIN, key["name"])


def billing(api):
    usage = mixpeek.OrganizationUsageApi(api)
    api = mixpeek.OrganizationBillingApi(api)
    balance = call(api, "get_credit_balance_organizations_billing")
    check(balance.credit_balance == 100_000 and balance.account_tier == "pro", repr(balance))
    current = call(api, "get_current_usage_organizations_billing")
    check(current.current_month_usage == 0 and current.billing_period_end > current.billing_period_start, repr(current))
    check(current.plan_usage.cap_state == "ok", repr(current))
    breakdown = call(api, "get_usage_breakdown_organizations_billing", billing_month=current.billing_month)
    check(breakdown.total_credits == 0, repr(breakdown))
    now = datetime.datetime.now(datetime.timezone.utc)
    used = call(
        usage,
        "get_org_usage_organizations",
        start=(now - datetime.timedelta(days=7)).isoformat(),
        end=now.isoformat(),
    )
    check(used["uploads"] == 0 and used["daily"] == [], repr(used))


def audit(api):
    api = mixpeek.OrganizationAuditApi(api)
    listed = call(api, "list_audit_logs_organizations", limit=1000)
    check(isinstance(listed, models.AuditEventListResponse) and listed.total == len(listed.results), repr(listed))
    actions = [event.action for event in listed.results]
    for action in [
        "organization_updated", "user_created", "user_updated", "api_key_created", "api_key_scope_updated",
        "api_key_rotated", "api_key_revoked", "secret_created", "secret_updated", "secret_deleted",
    ]:
        check(action in actions, f"{action} is not among {actions}")
    filtered = call(
        api, "list_audit_logs_organizations", resource_type="user", action=models.AuditAction.USER_UPDATED
    )
    check([event.action for event in filtered.results] == ["user_updated"], repr(filtered))
    event = call(api, "get_audit_log_organizations", filtered.results[0].audit_id)
    check(event.changes["before"] == {"user_name": "Member", "metadata": {"team": "a"}}, repr(event))
    check(event.changes["after"] == {"user_name": "Renamed", "metadata": {}}, repr(event))
    check(event.actor_email == ADMIN and event.ip_address == "127.0.0.1", repr(event))
    check(call(api, "get_audit_settings_organizations").read_auditing_enabled is False, "reads are recorded")
    settings = models.AuditSettingsUpdateRequest(read_auditing_enabled=True)
    check(call(api, "update_audit_settings_organizations", settings).read_auditing_enabled is True, "not recorded")
    check(mixpeek.OrganizationsApi(api.api_client).get_organization().organization_name, "no organization")
    reads = [event.action for event in api.list_audit_logs_organizations(resource_type="organization").results]
    check(reads.count("organization_accessed") == 1, repr(reads))


def end(api):
    users = mixpeek.OrganizationUsersApi(api)
    deleted = call(users, "delete_user_organizations_email", "member@example.org")
    check(isinstance(deleted, models.GenericSuccessResponse) and deleted.success, repr(deleted))
    refused(404, "not_found", users, "get_user_organizations_email", "member@example.org")
    refused(409, "conflict", users, "delete_user_organizations_email", ADMIN)


def health(api):
    api = mixpeek.HealthApi(api)
    check(call(api, "liveness_health")["status"] == "OK", "not alive")
    check(call(api, "healthcheck_health")["status"] in ("OK", "DEGRADED"), "no health")
    deep = call(api, "healthcheck_deep_health")
    check(isinstance(deep, models.HealthCheckResponse) and deep.data.metadata is True, repr(deep))


def send(upload, content):
    """What the documentation tells a client to do with the URL."""
    request = urllib.request.Request(
        upload.presigned_url, data=content, method="PUT", headers={"Content-Type": upload.content_type}
    )
    with urllib.request.urlopen(request) as answer:
        return answer.headers["ETag"]


def finished(api, task_id):
    """The task, once it is over."""
    for _ in range(600):
        task = mixpeek.TasksApi(api.api_client).get_task(task_id)
        if task.status not in ("PENDING", "IN_PROGRESS"):
            return task
        time.sleep(0.1)
    sys.exit(f"the task {task_id} never ended")


def buckets(api):
    api, bucket = mixpeek.BucketUploadsApi(api), "sdk-photos"
    content = b"some bytes" * 1000
    digest = hashlib.sha256(content).hexdigest()
    create = models.CreateUploadRequest(
        filename="notes.txt",
        content_type="text/plain",
        file_size_bytes=len(content),
        presigned_url_expiration=600,
        metadata={"campaign": "summer"},
        object_metadata={"priority": "high"},
        blob_property="notes",
        blob_type="text",
        file_hash=digest,
    )
    created = call(api, "create_upload_buckets", bucket, create)
    check(isinstance(created, models.UploadResponse) and created.status == "PENDING", repr(created))
    check(created.bucket_id == bucket and not created.is_duplicate and len(created.presigned_url) <= 2083, repr(created))
    refused(409, "conflict", api, "confirm_upload_buckets", bucket, created.upload_id)
    etag = send(created, content)
    confirm = models.ConfirmUploadRequest(etag=etag, file_size_bytes=len(content))
    confirmed = call(api, "confirm_upload_buckets", bucket, created.upload_id, confirm_upload_request=confirm)
    check(isinstance(confirmed, models.ConfirmUploadResponse) and confirmed.status == "COMPLETED", repr(confirmed))
    check(confirmed.file_hash == digest and confirmed.etag == etag, repr(confirmed))
    again = api.confirm_upload_buckets(bucket, created.upload_id)
    check(again == confirmed, f"{again!r} is not {confirmed!r}")
    read = call(api, "get_upload_buckets", bucket, created.upload_id, return_presigned_urls=True)
    check(models.UploadResponse.from_dict(read).status == "COMPLETED" and read["gate"]["reason"], repr(read))
    with urllib.request.urlopen(read["presigned_url"]) as answer:
        check(answer.read() == content, "another content")
    duplicate = api.create_upload_buckets(bucket, create)
    check(duplicate.is_duplicate and duplicate.presigned_url is None, repr(duplicate))
    check(duplicate.duplicate_of_upload_id == created.upload_id, repr(duplicate))

    batch = models.BatchUploadRequest(
        uploads=[
            models.CreateUploadRequest(filename=f"{name}.bin", content_type="application/octet-stream")
            for name in "abc"
        ],
        shared_metadata={"campaign": "winter"},
    )
    several = call(api, "create_uploads_batch_buckets", bucket, batch)
    check(several.total == 3 and all(upload.metadata == {"campaign": "winter"} for upload in several.uploads), repr(several))
    for upload in several.uploads[:2]:
        send(upload, upload.filename.encode())
    confirmations = models.BatchConfirmRequest(
        confirmations=[{"upload_id": upload.upload_id} for upload in several.uploads]
    )
    accepted = call(api, "confirm_uploads_batch_buckets", bucket, confirmations)
    check(accepted.confirmations_count == 3 and accepted.task.task_id == accepted.task_id, repr(accepted))
    task = finished(api, accepted.task_id)
    check(task.status == "COMPLETED_WITH_ERRORS" and len(task.outputs) == 3, repr(task))
    late = api.create_upload_buckets(bucket, models.CreateUploadRequest(filename="late.bin", content_type="a/b"))
    send(late, b"late")
    later = api.confirm_upload_buckets(bucket, late.upload_id, var_async=True)
    check(later.status == "PROCESSING" and later.task_id, repr(later))
    check(finished(api, later.task_id).status == "COMPLETED", "the task failed")

    condition = {"field": "file_size_bytes", "operator": "lte", "value": 10}
    listing = models.ListUploadsRequest(
        filters=models.LogicalOperatorInput.from_dict({"AND": [condition, {"metadata.campaign": "winter"}]}),
        sort=models.SortOption.from_dict({"field": "filename", "direction": "asc"}),
    )
    listed = call(api, "list_uploads_buckets", bucket, include_total=True, list_uploads_request=listing)
    check([upload.filename for upload in listed.results] == ["a.bin", "b.bin"], repr(listed))
    check(listed.pagination.total == 2 and listed.stats.uploads_by_status == {"COMPLETED": 2}, repr(listed))
    everything = api.list_uploads_buckets(bucket)
    check(everything.stats.total_uploads == 5 and everything.stats.unique_buckets == 1, repr(everything))

    check(call(api, "delete_upload_buckets", bucket, several.uploads[2].upload_id) is None, "an answer to a deletion")
    check(api.get_upload_buckets(bucket, several.uploads[2].upload_id)["status"] == "CANCELED", "not canceled")
    refused(404, "not_found", api, "get_upload_buckets", "elsewhere", created.upload_id)
    bad = models.CreateUploadRequest(filename="../x", content_type="text/plain")
    refused(422, "validation_error", api, "create_upload_buckets", bucket, bad)


def coverage():
    """Every operation that the SDK has a method for was called: none is described that the tour leaves out."""
    with urllib.request.urlopen(f"{URL}/openapi.json") as answer:
        paths = json.load(answer)["paths"]
    described = {
        operation["operationId"]
        for path, item in paths.items()
        if path.startswith(("/v1/organizations", "/v1/health", "/v1/buckets"))
        for operation in item.values()
    }
    known = {
        name
        for api in vars(mixpeek.api).values()
        if isinstance(api, type) and api.__name__.endswith("Api")
        for name in dir(api)
    }
    missing = described & known - set(calls)
    check(not missing and len(described & known) >= 35, f"{missing} not called, {len(described & known)} known")


def main():
    api = client()
    for part in (health, organization, users, keys, billing, audit, buckets, end):
        part(api)
    refused(401, "unauthorized", mixpeek.OrganizationsApi(client("sk_unknown")), "get_organization")
    coverage()
    print("\n".join(sorted(set(calls))))


main()
