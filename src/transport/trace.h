/* SPDX-License-Identifier: GPL-2.0 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM bao

#if !defined(_BAO_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _BAO_TRACE_H

#include <linux/tracepoint.h>

#include <linux/bao.h>

#define bao_show_op(op) \
	__print_symbolic(op, { BAO_REMIO_WRITE, "write" }, { BAO_REMIO_READ, "read" })

/* A request has come from the hypervisor */
TRACE_EVENT(bao_request,
	TP_PROTO(u32 dm_id, const struct bao_request *req),
	TP_ARGS(dm_id, req),
	TP_STRUCT__entry(
		__field(u32, dm_id)
		__field(u32, op)
		__field(u64, id)
		__field(u64, addr)
		__field(u64, value)
		__field(u32, width)
	),
	TP_fast_assign(
		__entry->dm_id = dm_id;
		__entry->op = req->write ? BAO_REMIO_WRITE : BAO_REMIO_READ;
		__entry->id = req->id;
		__entry->addr = req->addr;
		__entry->value = req->value;
		__entry->width = req->width;
	),
	TP_printk("dm_id=%u id=%#llx op=%s addr=%#llx width=%u value=%#llx",
		  __entry->dm_id, __entry->id, bao_show_op(__entry->op), __entry->addr,
		  __entry->width, __entry->value)
);

/* A request has been completed; ret is the hypervisor's code */
TRACE_EVENT(bao_answer,
	TP_PROTO(u32 dm_id, const struct bao_request *req, u64 value, long ret),
	TP_ARGS(dm_id, req, value, ret),
	TP_STRUCT__entry(
		__field(u32, dm_id)
		__field(u32, op)
		__field(u64, id)
		__field(u64, value)
		__field(long, ret)
	),
	TP_fast_assign(
		__entry->dm_id = dm_id;
		__entry->op = req->write ? BAO_REMIO_WRITE : BAO_REMIO_READ;
		__entry->id = req->id;
		__entry->value = value;
		__entry->ret = ret;
	),
	TP_printk("dm_id=%u id=%#llx op=%s value=%#llx ret=%ld",
		  __entry->dm_id, __entry->id, bao_show_op(__entry->op), __entry->value,
		  __entry->ret)
);

/* The frontend has been interrupted; ret is the hypervisor's code */
TRACE_EVENT(bao_notify,
	TP_PROTO(u32 dm_id, long ret),
	TP_ARGS(dm_id, ret),
	TP_STRUCT__entry(
		__field(u32, dm_id)
		__field(long, ret)
	),
	TP_fast_assign(
		__entry->dm_id = dm_id;
		__entry->ret = ret;
	),
	TP_printk("dm_id=%u ret=%ld", __entry->dm_id, __entry->ret)
);

/* Another VM has rung the doorbell of a channel */
TRACE_EVENT(bao_ipc_doorbell,
	TP_PROTO(u32 id, unsigned int event),
	TP_ARGS(id, event),
	TP_STRUCT__entry(
		__field(u32, id)
		__field(u32, event)
	),
	TP_fast_assign(
		__entry->id = id;
		__entry->event = event;
	),
	TP_printk("id=%u event=%u", __entry->id, __entry->event)
);

/* We have rung the doorbell of a channel; ret is the hypervisor's code */
TRACE_EVENT(bao_ipc_notify,
	TP_PROTO(u32 id, u32 event, long ret),
	TP_ARGS(id, event, ret),
	TP_STRUCT__entry(
		__field(u32, id)
		__field(u32, event)
		__field(long, ret)
	),
	TP_fast_assign(
		__entry->id = id;
		__entry->event = event;
		__entry->ret = ret;
	),
	TP_printk("id=%u event=%u ret=%ld", __entry->id, __entry->event, __entry->ret)
);

#endif /* _BAO_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
