//! `GET /v1/batches/{batch}/lots/{lot}`.

use axum::extract::State;
use piecework_api::LotWithSlots;
use piecework_interface::ids::{BatchId, LotId};
use piecework_store::{
    batch::batch_shape_get, challenge::challenge_list_by_lot, lot::lot_list, slot::slot_list_by_lot,
};

use crate::{
    app::App,
    endpoints::Versioned,
    extract::{LIMIT_MAX, MinHeight, Segments},
    problem::{EntityProblems, Problem},
};

/// One lot with its slots and challenges, also before its first claim and after it settled.
#[utoipa::path(
    get, path = "/v1/batches/{batch}/lots/{lot}", tag = "lots",
    params(
        ("batch" = u32, Path, description = "Number of the batch"),
        ("lot" = u32, Path, description = "Number of the lot in the batch"),
        MinHeight
    ),
    responses((status = 200, description = "The lot", body = LotWithSlots), EntityProblems)
)]
pub async fn lots_get(
    State(app): State<App>,
    Segments((batch, lot)): Segments<(u32, u32)>,
) -> Result<Versioned<LotWithSlots>, Problem> {
    let mut db = app.reader.snapshot().await?;
    let parent = batch_shape_get(&mut db, BatchId(batch)).await?.ok_or_else(|| Problem::not_found("batch", batch))?;
    if lot >= parent.lots() {
        return Err(Problem::not_found("lot", format_args!("{lot} in batch {batch}: it has {} lots", parent.lots())));
    }
    let found = lot_list(&mut db, &parent, &[LotId(lot)]).await?.into_iter().next();
    let found = found.ok_or_else(|| Problem::not_found("lot", lot))?;
    let slots = slot_list_by_lot(&mut db, BatchId(batch), LotId(lot), LIMIT_MAX).await?;
    let mut challenges = challenge_list_by_lot(&mut db, BatchId(batch), LotId(lot), LIMIT_MAX).await?;
    drop(db);
    for challenge in &mut challenges {
        challenge.evidence_held = app.blobs.get(challenge.evidence.into()).await.is_ok_and(|path| path.is_some());
    }
    Ok(Versioned {
        updated_seq: found.updated_seq.unwrap_or(parent.created_seq),
        body: LotWithSlots { lot: found, slots, challenges },
    })
}

#[cfg(test)]
mod tests {
    use piecework_store::PgPool;
    use serde_json::json;

    use crate::testing::{Gateway, Market};

    #[sqlx::test(migrator = "piecework_store::connect::MIGRATIONS")]
    async fn lots_get__should_answer_slots_past_and_live(pool: PgPool) {
        // Given a settled lot, a claimed one and an open one
        Market::with_work(&pool).await;
        let gateway = Gateway::start(&pool).await;

        // When they are asked for
        let settled = gateway.json("/v1/batches/0/lots/1").await;
        let claimed = gateway.json("/v1/batches/0/lots/2").await;
        let open = gateway.json("/v1/batches/0/lots/3").await;

        // Then slots tell what became of them
        let slot = &settled["slots"][1];
        assert_eq!((slot["node_id"].as_str(), slot["outcome"].as_str()), (Some("node2.test.near"), Some("settled")));
        assert_eq!((slot["pay"].as_str(), slot["slash"].as_str()), (Some("350"), Some("0")));
        assert_eq!(slot["answers"], "03030304");
        assert_eq!(claimed["slots"][0]["phase"], "reserved");
        assert!(claimed["slots"][0]["outcome"].is_null());
        assert_eq!((open["state"].as_str(), open["slots"].as_array().unwrap().len()), (Some("open"), 0));
        assert_eq!(gateway.problem("/v1/batches/0/lots/5").await, (404, "not-found".to_owned()));
    }

    #[sqlx::test(migrator = "piecework_store::connect::MIGRATIONS")]
    async fn lots_get__should_show_a_lots_case(pool: PgPool) {
        // Given a lot that is challenged and goes to a jury
        let mut market = Market::open(&pool, 3).await;
        market.dispute();
        market.commit().await;
        let gateway = Gateway::start(&pool).await;

        // When it is asked for
        let lot = gateway.json("/v1/batches/0/lots/0").await;

        // Then the case has the challenge, and the lot its deposit of five jurors' fees and a tenth more, with its evidence
        let challenge = json!({ "account": 0, "operator": 0, "items": "0000000000000001" });
        assert_eq!(lot["case"]["challenges"], json!([challenge]));
        let made = &lot["challenges"][0];
        assert_eq!((&made["account_id"], &made["deposit"]), (&json!("requester.test.near"), &json!("550")));
        assert_eq!((&made["evidence"], &made["replaced"]), (&json!("02".repeat(32)), &json!(null)));
        assert_eq!(made["evidence_held"], false);
        assert_eq!((&lot["round"], &lot["appeal"]), (&json!(2), &json!(true)));
        assert_eq!(gateway.json("/v1/batches/0/lot-states").await["states"], "j");
    }
}
