"""Why known keys of LiteLLM are left out, and what to say here instead.

The keys are those of https://docs.litellm.ai/docs/proxy/config_settings (November 2026).
"""

_TIMES = "the settings `upstream_connect_s`, `upstream_first_byte_s`, `upstream_idle_s`, `upstream_total_s` hold for all targets"
_RETRIES = "volano retries by itself, within a retry budget and by Retry-After"
_HEALTH = "volano's own circuit breaker and cooldown hold for each target"
_REDIS = "workers share their counters in memory; nothing is kept in Redis"
_LOGS = "traces are recorded by volano itself; see `volano trace list`"
_CACHE = "answers of a cache elsewhere are not taken over"
_GUARD = "no guardrail is carried over"
_DATABASE = "volano keeps its own catalog; keys, users and spend in LiteLLM's database stay there"
_KEYS = "keys are made with `volano key create`"
_PARAMS = "what a provider cannot be told is refused by name, and nothing is dropped"
_ALERTS = "alerts are rules in files, with the receivers to tell: `volano alert init`, then `volano alert apply alerts`"
_CONTEXT = "a model's context window is not looked at before a call"
_ADMIN = "who may do what is said by keys and the console's session"
_HEADERS = "no header lines are added to what is sent to a provider"
_TAGS = "calls are not routed by tags"
_FALLBACK = "fallbacks hold for all failures; there are none for one kind of error"

PARAMS = {
    "timeout": _TIMES, "stream_timeout": _TIMES, "request_timeout": _TIMES,
    "max_retries": _RETRIES, "num_retries": _RETRIES, "cooldown_time": _HEALTH,
    "organization": f"{_HEADERS}; a key of that organization's project needs none",
    "extra_headers": _HEADERS, "headers": _HEADERS, "default_headers": _HEADERS,
    "drop_params": _PARAMS, "additional_drop_params": _PARAMS, "allowed_openai_params": _PARAMS,
    "modify_params": _PARAMS, "tags": _TAGS, "tag_regex": _TAGS, "region_name": _TAGS,
    "max_budget": "budgets are for keys, groups and channels: `volano cost budget channel:NAME --amount 50`",
    "budget_duration": "budgets are for keys, groups and channels: `volano cost budget channel:NAME --amount 50`",
    "mock_response": "an answer that is made up cannot be served",
    "input_cost_per_second": "a price by the second is said with `volano cost price MODEL --target TARGET --second 0.001`",
    "output_cost_per_second": "a price by the second is said with `volano cost price MODEL --target TARGET --second 0.001`",
    "use_in_pass_through": "there are no pass-through paths",
    "guardrails": _GUARD,
}  # fmt: skip

INFO = {
    "base_model": "prices go by the model's name; say your own with `volano cost price`",
    "id": "an entry has no id of its own here",
    "access_groups": "a key's scopes say which channels it may call",
    "supported_environments": "each environment is a workspace or a channel of its own",
}

ROUTER = {
    "num_retries": _RETRIES, "retry_after": _RETRIES, "retry_policy": _RETRIES,
    "model_group_retry_policy": _RETRIES, "max_fallbacks": _RETRIES,
    "timeout": _TIMES, "stream_timeout": _TIMES,
    "allowed_fails": _HEALTH, "allowed_fails_policy": _HEALTH, "cooldown_time": _HEALTH,
    "disable_cooldowns": _HEALTH, "enable_health_check_routing": _HEALTH,
    "redis_host": _REDIS, "redis_port": _REDIS, "redis_password": _REDIS, "redis_db": _REDIS,
    "redis_url": _REDIS, "cache_kwargs": _REDIS, "client_ttl": _REDIS,
    "cache_responses": _CACHE,
    "enable_pre_call_checks": _CONTEXT, "enable_pre_call_check": _CONTEXT,
    "context_window_fallbacks": _FALLBACK, "content_policy_fallbacks": _FALLBACK,
    "enable_tag_filtering": _TAGS, "tag_filtering_match_any": _TAGS,
    "routing_strategy_args": "a strategy has no settings of its own",
    "default_litellm_params": "what clients may leave out is in a prompt: `volano prompt save NAME --settings …`",
    "default_max_parallel_requests": "say it for each channel: `volano gateway limit channel/NAME --concurrency 20`",
    "provider_budget_config": "budgets are for keys, groups and channels: `volano cost budget channel:NAME --amount 50`",
    "debug_level": _LOGS, "set_verbose": _LOGS,
}  # fmt: skip

LIBRARY = {
    **ROUTER,
    "request_timeout": _TIMES, "drop_params": _PARAMS, "modify_params": _PARAMS,
    "success_callback": _LOGS, "failure_callback": _LOGS, "callbacks": _LOGS,
    "service_callbacks": _LOGS, "json_logs": _LOGS, "turn_off_message_logging": _LOGS,
    "langfuse_default_tags": _LOGS, "redact_user_api_key_info": _LOGS,
    "cache": _CACHE, "cache_params": _CACHE, "enable_caching_on_provider_specific_optional_params": _CACHE,
    "guardrails": _GUARD,
    "max_budget": "say it for the workspace: `volano cost budget 'group:*' --amount 50`",
    "budget_duration": "a budget's window is a day, a week, a month or all time: `volano cost budget`",
    "key_generation_settings": _KEYS, "default_key_generate_params": _KEYS,
    "upperbound_key_generate_params": _KEYS, "default_internal_user_params": _KEYS,
    "default_team_settings": "a key's group is its team: `volano key create NAME --group acme/support`",
}  # fmt: skip

GENERAL = {
    "master_key": "volano's keys are its own; make them with `volano key create`",
    "database_url": _DATABASE, "store_model_in_db": _DATABASE,
    "database_connection_pool_limit": _DATABASE, "database_connection_timeout": _DATABASE,
    "allow_requests_on_db_unavailable": _DATABASE, "disable_spend_logs": _DATABASE,
    "disable_prisma_schema_update": _DATABASE, "proxy_batch_write_at": _DATABASE,
    "store_prompts_in_spend_logs": _LOGS, "background_health_checks": _HEALTH,
    "health_check_interval": _HEALTH, "health_check_details": _HEALTH,
    "alerting": _ALERTS, "alerting_threshold": _ALERTS, "alerting_args": _ALERTS,
    "alert_types": _ALERTS, "alert_to_webhook_url": _ALERTS,
    "spend_report_frequency": "what a period cost is written with `volano report`",
    "custom_auth": _KEYS, "custom_key_generate": _KEYS, "enable_jwt_auth": _ADMIN,
    "litellm_jwtauth": _ADMIN, "ui_access_mode": _ADMIN, "allowed_routes": _ADMIN,
    "admin_only_routes": _ADMIN, "public_routes": _ADMIN, "custom_sso": _ADMIN,
    "key_management_system": "keys are in the environment or in the vault file",
    "key_management_settings": "keys are in the environment or in the vault file",
    "allowed_ips": "addresses are said for each key: `volano key create NAME --ips 10.0.0.0/8`",
    "max_request_size_mb": "say it in volano.toml: max_body_bytes",
    "max_parallel_requests": "say it for each channel: `volano gateway limit channel/NAME --concurrency 20`",
    "global_max_parallel_requests": "say it for a group of keys: `volano gateway limit group/NAME --concurrency 20`",
    "pass_through_endpoints": "there are no pass-through paths",
    "forward_client_headers_to_llm_api": _HEADERS, "forward_openai_org_id": _HEADERS,
    "completion_model": "a call names its channel", "embedding_model": "a call names its channel",
    "litellm_license": "there is nothing here to license",
}  # fmt: skip

SECTIONS = {
    "environment_variables": "set these variables where volano runs; their values are not kept",
    "include": "import the files that it names one by one",
    "callback_settings": _LOGS,
    "guardrails": _GUARD, "policies": _GUARD,
    "mcp_servers": "tools are not called through the gateway",
    "mcp_tools": "tools are not called through the gateway",
    "vector_store_registry": "no vector store stands behind the gateway",
    "prompts": "prompts are saved with `volano prompt save`",
    "finetune_settings": "there is no door for it", "files_settings": "there is no door for it",
    "assistant_settings": "there is no door for it", "search_tools": "there is no door for it",
}  # fmt: skip
