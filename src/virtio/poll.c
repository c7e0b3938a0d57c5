// SPDX-License-Identifier: GPL-2.0
/*
 * Looking at a ring for a while instead of asking the driver to kick
 *
 * A kick is an access that the hypervisor forwards, and so costs far more than what it tells of. A
 * driver that has got back what it waited for is likely to have the next request soon. So a worker
 * that has given something back goes on looking at its ring for a while, with kicks still off, if
 * the administrator wants that (&bao_vdev.poll_us).
 *
 * How long. The time from when something was given back until there was something new is what
 * polling would have had to last. As long as that is no more than poll_us, polls last up to twice
 * the longest of these times; if it is more, there are none before it is less again. After a poll
 * in vain there is none before the next kick, which tells. So a device that is idle is off the
 * processor after one poll at most, and a driver that always comes too late costs none.
 *
 * Who else wants the processor goes first. The worker lets another task run as soon as there is one
 * for its processor, and stops looking unless it is alone again after that. It also stops when its
 * work has been queued again (a completion, or a kick nevertheless: it has to serve), and when its
 * queue is stopped or broken. What is found is served in the same round, and the number of looks of
 * a round is limited (BAO_VQ_LOOKS): then the worker ends, and is queued again, as it is without
 * polling. So a driver that always has something new holds neither a processor nor whoever waits
 * for the worker to end, such as a suspend. Polling delays that by poll_us for each look of one
 * round.
 *
 * Other queues do not wait for one that polls: the workqueue is unbound, so each of them has a
 * thread of its own. Of these at most one for each processor polls, as the first that is not alone
 * on its processor gives up.
 */
#include <linux/ktime.h>
#include <linux/minmax.h>
#include <linux/processor.h>
#include <linux/sched.h>
#include <linux/sched/stat.h>

#include "ring.h"

static u64 bao_vq_poll_limit(const struct bao_vq *vq)
{
	return (u64)READ_ONCE(vq->vdev->poll_us) * NSEC_PER_USEC;
}

/**
 * bao_vq_poll_begin() - a round of a worker begins
 * @vq: queue
 *
 * Context: the worker
 */
void bao_vq_poll_begin(struct bao_vq *vq)
{
	vq->pushed = 0;
	if (vq->poll.rested)
		vq->poll.begun = ktime_get_ns();
}

/**
 * bao_vq_poll_learn() - serve() has returned: how long would a poll have had to last?
 * @vq: queue
 *
 * Only what the driver has made available counts: a worker that has been woken by a completion
 * tells nothing of the driver.
 *
 * Context: the worker
 */
void bao_vq_poll_learn(struct bao_vq *vq)
{
	struct bao_vq_poll_state *poll = &vq->poll;
	u64 limit = bao_vq_poll_limit(vq), took;

	if (!poll->rested || !vq->popped)
		return;

	took = poll->begun - poll->rested;
	poll->rested = 0;
	poll->vain = false;
	if (took > limit)
		poll->ns = 0;
	else
		poll->ns = max(poll->ns, min(2 * took, limit));
}

/*
 * Most of what a kernel has to do now and then is over at once. If it were the end of a poll, the
 * driver would have to kick for it. So whoever wants the processor gets it, and polling goes on if
 * there is nobody else after that.
 */
static bool bao_vq_poll_alone(void)
{
	if (likely(!need_resched() && single_task_running()))
		return true;

	schedule();

	return single_task_running();
}

static bool bao_vq_poll_must_end(const struct bao_vq *vq)
{
	return !READ_ONCE(vq->running) || bao_vq_broken(vq) || !bao_vq_poll_alone();
}

/**
 * bao_vq_poll() - look at a ring for a while, if that is likely to pay
 * @vq: queue whose ring was empty when serve() returned. What has been pushed is published: the
 *	driver does not wait for it meanwhile.
 *
 * The driver need not kick before this returns, nor after it unless it returns BAO_VQ_POLL_NOTHING
 * and the caller asks for it. Then enable_kick() looks once more after it has asked, with a barrier
 * in between; so what comes after the last look here is not lost.
 *
 * Context: the worker
 * Return: what it has found, see &enum bao_vq_poll_result
 */
enum bao_vq_poll_result bao_vq_poll(struct bao_vq *vq)
{
	struct bao_vdev_core *core = vq->vdev->core;
	struct bao_vq_poll_state *poll = &vq->poll;
	u64 limit = bao_vq_poll_limit(vq), now, end;

	/*
	 * A driver that has got nothing back has no reason to go on. And if the device has been
	 * taken down, who did that waits for the worker.
	 */
	if (!limit || !vq->pushed || READ_ONCE(core->halted))
		return BAO_VQ_POLL_NOTHING;

	vq->pushed = 0;
	now = ktime_get_ns();
	poll->rested = now;
	poll->begun = now;
	if (!poll->ns || poll->vain)
		return BAO_VQ_POLL_NOTHING;

	end = now + min(poll->ns, limit);
	do {
		if (vq->ops->has_avail(vq)) {
			atomic_long_inc(&core->polls_found);
			poll->rested = 0;
			return BAO_VQ_POLL_FOUND;
		}
		if (work_pending(&vq->work))
			return BAO_VQ_POLL_WOKEN;
		if (bao_vq_poll_must_end(vq))
			return BAO_VQ_POLL_NOTHING;
		cpu_relax();
		now = ktime_get_ns();
	} while (now < end);

	atomic_long_inc(&core->polls_vain);
	poll->vain = true;
	/* If enable_kick() finds something, that is when it came */
	poll->begun = now;

	return BAO_VQ_POLL_NOTHING;
}
